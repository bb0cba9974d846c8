"""The part of Kubernetes' core v1 schema that InferenceServices are made of: containers and what pods hold beside them.

The classes are the schema: `decode` reads them, and their fields are the known names in its errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from isvc.manifest.decode import ignored, refused

IntOrText = int | str
Quantity = int | float | str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRef:
    key: str
    name: str = ""
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRef:
    field_path: str
    api_version: str = "v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueFrom:
    secret_key_ref: KeyRef | None = None
    config_map_key_ref: KeyRef | None = None
    field_ref: FieldRef | None = None
    resource_field_ref: object = refused("cannot be had here: there are no resource limits to read; write a value")


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvVar:
    name: str
    value: str = ""
    value_from: ValueFrom | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A ConfigMap or a Secret whose keys all become variables."""

    name: str
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvFrom:
    prefix: str = ""
    config_map_ref: Source | None = None
    secret_ref: Source | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeMount:
    name: str
    mount_path: str
    read_only: bool = False
    sub_path: str = ""
    sub_path_expr: object = refused("is not filled in here; write `subPath`")
    mount_propagation: object = ignored()
    recursive_read_only: object = ignored()


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPath:
    path: str
    type: object = ignored()


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    claim_name: str
    read_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyToPath:
    key: str
    path: str
    mode: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigMapVolume:
    """The keys of a ConfigMap as files; with `items`, those alone and under other names."""

    name: str
    items: tuple[KeyToPath, ...] = ()
    default_mode: int | None = None
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretVolume:
    secret_name: str
    items: tuple[KeyToPath, ...] = ()
    default_mode: int | None = None
    optional: bool = False


_NO_VOLUME = "has no driver on this machine; use emptyDir, hostPath, or a claim that isvc.yaml maps"
_NO_PROJECTION = "is not made here; write a `configMap` or a `secret` volume, and pod fields as variables (`fieldRef`)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    name: str
    empty_dir: object = None
    host_path: HostPath | None = None
    persistent_volume_claim: Claim | None = None
    config_map: ConfigMapVolume | None = None
    secret: SecretVolume | None = None
    projected: object = refused(_NO_PROJECTION)
    downward_api: object = refused(_NO_PROJECTION, name="downwardAPI")
    csi: object = refused(_NO_VOLUME)
    nfs: object = refused(_NO_VOLUME)
    ephemeral: object = refused(_NO_VOLUME)
    image: object = refused(_NO_VOLUME)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerPort:
    container_port: int
    name: str = ""
    protocol: str = "TCP"
    host_port: object = ignored("the ingress is the way in")
    host_ip: object = ignored("the ingress is the way in", name="hostIP")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpGet:
    port: IntOrText
    path: str = "/"
    scheme: str = "HTTP"
    host: object = ignored("the unit's own address is asked")
    http_headers: object = ignored("the probe is sent without them")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadinessProbe:
    http_get: HttpGet | None = None
    tcp_socket: object = None
    exec: object = ignored("a unit is ready when its port takes a connection")
    grpc: object = ignored("a unit is ready when its port takes a connection")
    initial_delay_seconds: object = ignored()
    period_seconds: object = ignored()
    timeout_seconds: object = ignored()
    success_threshold: object = ignored()
    failure_threshold: object = ignored()
    termination_grace_period_seconds: object = ignored()


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    requests: Mapping[str, Quantity] | None = None
    limits: Mapping[str, Quantity] | None = None
    claims: object = refused("dynamic resource claims do not exist here; remove it")


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    name: str = ""
    image: str = ""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: tuple[EnvVar, ...] = ()
    env_from: tuple[EnvFrom, ...] = ()
    ports: tuple[ContainerPort, ...] = ()
    resources: Resources | None = None
    readiness_probe: ReadinessProbe | None = None
    liveness_probe: object = ignored("a unit that ends is restarted, and nothing else")
    startup_probe: object = ignored("a unit gets the time that `isvc up --timeout` allows")
    working_dir: object = ignored("a unit runs in its build folder")
    volume_mounts: tuple[VolumeMount, ...] = ()
    volume_devices: object = refused("block devices cannot be mounted here; remove it")
    lifecycle: object = ignored("hooks are not run")
    image_pull_policy: object = ignored("images are built from the folders in isvc.yaml")
    security_context: object = ignored("units run as you")
    restart_policy: object = ignored("a unit that ends is restarted")
    resize_policy: object = ignored()
    termination_message_path: object = ignored()
    termination_message_policy: object = ignored()
    stdin: object = ignored()
    stdin_once: object = ignored()
    tty: object = ignored()


_SCHEDULING = "there is one machine, and nothing to schedule"
_HOST = "a unit is not a pod here and has no host's namespaces to share; remove it"


@dataclass(frozen=True, slots=True, kw_only=True)
class PodFields:
    """What a component takes from a pod, beside its containers."""

    init_containers: tuple[Container, ...] = ()
    service_account_name: str | None = None
    """Whose secrets the storage initializer is given."""
    service_account: object = ignored("Kubernetes deprecates it; write serviceAccountName")
    automount_service_account_token: object = ignored("there is no Kubernetes API to call")
    image_pull_secrets: object = ignored("no image is pulled")
    volumes: tuple[Volume, ...] = ()
    affinity: object = ignored(_SCHEDULING)
    tolerations: object = ignored(_SCHEDULING)
    node_selector: object = ignored(_SCHEDULING)
    node_name: object = ignored(_SCHEDULING)
    topology_spread_constraints: object = ignored(_SCHEDULING)
    priority: object = ignored(_SCHEDULING)
    priority_class_name: object = ignored(_SCHEDULING)
    preemption_policy: object = ignored(_SCHEDULING)
    scheduler_name: object = ignored(_SCHEDULING)
    scheduling_gates: object = ignored(_SCHEDULING)
    runtime_class_name: object = ignored(_SCHEDULING)
    overhead: object = ignored(_SCHEDULING)
    os: object = ignored(_SCHEDULING)
    dns_policy: object = ignored("names are resolved as on this machine")
    dns_config: object = ignored("names are resolved as on this machine")
    host_aliases: object = ignored("names are resolved as on this machine")
    hostname: object = ignored("names are resolved as on this machine")
    subdomain: object = ignored("names are resolved as on this machine")
    set_hostname_as_fqdn: object = ignored("names are resolved as on this machine", name="setHostnameAsFQDN")
    enable_service_links: object = ignored("there are no service variables")
    security_context: object = ignored("units run as you")
    share_process_namespace: object = ignored("units of one machine see each other")
    restart_policy: object = ignored("a unit that ends is restarted")
    active_deadline_seconds: object = ignored("a unit runs until `isvc down`")
    termination_grace_period_seconds: object = ignored("`isvc down` has its own bound")
    readiness_gates: object = ignored("readiness is that of the unit")
    host_network: object = refused(_HOST)
    host_ipc: object = refused(_HOST, name="hostIPC")
    host_pid: object = refused(_HOST, name="hostPID")
    host_users: object = ignored("units run as you")
    ephemeral_containers: object = refused("cannot be given in a manifest; remove it")
    resource_claims: object = refused("dynamic resource claims do not exist here; remove it")
