from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from isvc.backends.compose import secrets
from isvc.backends.compose.render import INGRESS, Layout, images, render, routes, stale
from isvc.plan.units import Plan, Port, Probe, ServicePlan

ROOT = str(Path(__file__).resolve().parents[5])
LAYOUT = Layout(root=ROOT, routes="/state/ingress", project="p", ingress_port="8080")
CRON = (("cron",),)


def rendered(*services: ServicePlan, layout: Layout = LAYOUT) -> dict[str, Any]:
    return render(Plan(services), layout)


def test_every_container_is_hardened_whatever_it_runs(service: ServicePlan) -> None:
    for name, container in rendered(service)["services"].items():
        assert container["user"] == "1000:1000", name
        assert container["read_only"] is True
        assert container["cap_drop"] == ["ALL"]
        assert container["security_opt"] == ["no-new-privileges:true"]
        assert container["init"] is True
        assert "privileged" not in container
        assert "mem_limit" in container


def test_only_the_ingress_has_a_port_on_this_machine_and_that_on_loopback(service: ServicePlan) -> None:
    services = rendered(service)["services"]
    assert [name for name, container in services.items() if "ports" in container] == [INGRESS]
    assert services[INGRESS]["ports"] == ["127.0.0.1:8080:8000"]


def test_the_initializer_reads_this_machine_and_alone_writes_to_the_models(service: ServicePlan) -> None:
    services = rendered(service)["services"]
    source, models = services["digits-storage-initializer"]["volumes"]
    assert (source["source"], source["target"], source["read_only"]) == ("/data/v1", "/mnt/source/v1", True)
    assert models == {"type": "volume", "source": "digits-models", "target": "/mnt/models"}
    assert services["digits-storage-initializer"]["command"] == ["/mnt/source/v1", "/mnt/models"]
    [mounted] = services["digits-predictor"]["volumes"]
    assert mounted == {**models, "read_only": True}


def test_units_start_in_the_order_of_their_needs(service: ServicePlan) -> None:
    services = rendered(service)["services"]
    assert services["digits-predictor"]["depends_on"] == {
        "digits-storage-initializer": {"condition": "service_completed_successfully"}
    }
    assert services["digits-transformer"]["depends_on"] == {"digits-predictor": {"condition": "service_healthy"}}
    assert services["digits-storage-initializer"]["restart"] == "no"
    assert services["digits-predictor"]["restart"] == "unless-stopped"


def test_the_address_of_a_predictor_is_its_kserve_service_name(service: ServicePlan) -> None:
    services = rendered(service)["services"]
    assert "digits-predictor.default:9000" in services["digits-transformer"]["command"]
    assert services["digits-predictor"]["networks"]["default"]["aliases"] == [
        "digits-predictor.default",
        "digits-predictor.default.svc",
        "digits-predictor.default.svc.cluster.local",
    ]


def test_two_namespaces_do_not_meet(make_service: Callable[..., ServicePlan]) -> None:
    model = rendered(make_service(), make_service(namespace="other"))
    assert {"digits-predictor", "digits-predictor.other"} <= set(model["services"])
    assert set(model["volumes"]) == {"digits-models", "digits-models.other"}
    assert "digits-predictor.other:9000" in model["services"]["digits-transformer.other"]["command"]


def test_servers_of_ours_listen_on_every_address_of_their_container(service: ServicePlan) -> None:
    services = rendered(service)["services"]
    assert services["digits-predictor"]["command"][-2:] == ["--host", "0.0.0.0"]
    assert services["digits-transformer"]["command"][-2:] == ["--host", "0.0.0.0"]
    assert "--host" not in services["digits-storage-initializer"]["command"]


def test_an_image_of_somebody_else_is_pulled_and_its_command_left_alone(service: ServicePlan) -> None:
    *others, transformer = service.units
    foreign = replace(transformer, folder=None, image="registry.example.com/me/model:2")
    container = rendered(replace(service, units=(*others, foreign)))["services"]["digits-transformer"]
    assert container["image"] == "registry.example.com/me/model:2"
    assert "build" not in container
    assert "--host" not in container["command"]


@pytest.mark.parametrize(
    ("folder", "context", "dockerfile", "image"),
    [
        (f"{ROOT}/transformer", ROOT, "transformer/Dockerfile", "kserve-local/transformer"),
        (f"{ROOT}/mine/My Model", ROOT, "mine/My Model/Dockerfile", "kserve-local/mine-my-model"),
        ("/home/me/model", "/home/me/model", "Dockerfile", "kserve-local/model-7d4751"),
    ],
)
def test_a_build_folder_in_the_checkout_is_built_from_the_checkout(
    service: ServicePlan, folder: str, context: str, dockerfile: str, image: str
) -> None:
    *others, transformer = service.units
    changed = replace(service, units=(*others, replace(transformer, folder=folder)))
    container = rendered(changed)["services"]["digits-transformer"]
    assert (container["build"]["context"], container["build"]["dockerfile"]) == (context, dockerfile)
    assert container["image"] == image


def test_a_dollar_sign_of_the_yaml_stays_one(service: ServicePlan) -> None:
    assert rendered(service)["services"]["digits-predictor"]["environment"]["PRICE"] == "5$$"


def test_memory_is_the_yaml_s_limit_else_kserve_s_default(service: ServicePlan) -> None:
    services = rendered(service)["services"]
    limits = {name: container["mem_limit"] for name, container in services.items()}
    assert limits["digits-predictor"] == "512m"
    assert limits["digits-transformer"] == "2g"
    assert limits["digits-storage-initializer"] == "1g"


@pytest.mark.parametrize(("memory", "written"), [(2**31, "2g"), (1536 * 2**20, "1536m"), (2048, "2k"), (1000, "1000b")])
def test_sizes_are_written_as_compose_does(service: ServicePlan, memory: int, written: str) -> None:
    initializer, predictor, transformer = service.units
    changed = replace(service, units=(initializer, replace(predictor, memory=memory), transformer))
    assert rendered(changed)["services"]["digits-predictor"]["mem_limit"] == written


def test_a_unit_is_healthy_when_its_path_answers_200_or_its_port_takes_a_connection(service: ServicePlan) -> None:
    services = rendered(service)["services"]
    asked = services["digits-predictor"]["healthcheck"]["test"][-1]
    assert "8080" in asked
    assert "/v2/health/ready" in asked
    assert "create_connection(('127.0.0.1', 8080)" in services["digits-transformer"]["healthcheck"]["test"][-1]
    assert "healthcheck" not in services["digits-storage-initializer"]


def test_routes_lead_to_kserve_service_names(service: ServicePlan) -> None:
    found = routes(Plan((service,)))["http"]
    urls = [server["url"] for s in found["services"].values() for server in s["loadBalancer"]["servers"]]
    assert urls == ["http://digits-transformer.default:8080", "h2c://digits-transformer.default:8081"]
    assert found["routers"]["default-digits-transformer"]["rule"] == "Host(`digits.default.example.com`)"


def test_what_reads_and_what_calls_is_made_anew_with_what_changed(make_service: Callable[..., ServicePlan]) -> None:
    before, after = rendered(make_service()), rendered(make_service(source="/data/v2"))
    assert stale(before, after) == ["digits-predictor", "digits-transformer"]
    assert stale(before, before) == []
    assert stale({}, after) == []


def test_containers_of_one_pod_share_the_network_of_one_of_them(service: ServicePlan) -> None:
    initializer, predictor, transformer = service.units
    together = (
        initializer,
        replace(predictor, pod="digits-predictor"),
        replace(transformer, pod="digits-predictor"),
        replace(
            predictor, name="digits-predictor-cron", command=CRON, ports=(), probe=Probe(""), pod="digits-predictor"
        ),
    )
    services = rendered(replace(service, units=together))["services"]
    names = services["digits-predictor"]["networks"]["default"]["aliases"]
    assert {"digits-predictor.default", "digits-transformer.default"} <= set(names)
    for member in ("digits-transformer", "digits-predictor-cron"):
        assert services[member]["network_mode"] == "service:digits-predictor"
        assert "networks" not in services[member]
    assert "network_mode" not in services["digits-storage-initializer"]


def test_what_serves_nobody_is_ready_when_it_runs(service: ServicePlan) -> None:
    initializer, predictor, transformer = service.units
    silent = replace(predictor, command=CRON, ports=(), probe=Probe(""))
    services = rendered(replace(service, units=(initializer, silent, replace(transformer, command=(("true",),)))))
    container = services["services"]["digits-predictor"]
    assert "healthcheck" not in container
    assert "networks" not in container
    assert container["restart"] == "unless-stopped"
    needs = services["services"]["digits-transformer"]["depends_on"]
    assert needs == {"digits-predictor": {"condition": "service_started"}}


def test_an_official_image_of_triton_takes_the_place_of_the_one_built_here(service: ServicePlan) -> None:
    predictor = next(unit for unit in service.units if unit.name == "digits-predictor")
    real = replace(predictor, role="triton", needs=(), command=(("tritonserver",), ("--http-port=", Port("http"))))
    layout = replace(LAYOUT, triton_image="nvcr.io/nvidia/tritonserver:24.10-py3")
    container = rendered(replace(service, units=(real,)), layout=layout)["services"]["digits-predictor"]
    assert container["image"] == "nvcr.io/nvidia/tritonserver:24.10-py3"
    assert container["command"] == ["tritonserver", "--http-port=8080"]
    assert not {"build", "entrypoint"} & set(container)


def test_a_role_is_started_by_its_image_s_own_entrypoint(service: ServicePlan) -> None:
    initializer, predictor, transformer = service.units
    real = replace(predictor, role="triton", command=(("tritonserver",), ("--http-port=", Port("http"))))
    container = rendered(replace(service, units=(initializer, real, transformer)))["services"]["digits-predictor"]
    assert container["image"] == "kserve-local/triton"
    assert container["build"]["dockerfile"] == "triton/Dockerfile"
    assert "entrypoint" not in container
    assert container["command"] == ["tritonserver", "--http-port=8080", "--host", "0.0.0.0"]


def test_a_stopped_service_has_neither_containers_nor_routes(service: ServicePlan) -> None:
    stopped = replace(service, units=(), stopped=True)
    assert list(rendered(stopped)["services"]) == [INGRESS]
    assert "routers" not in routes(Plan((stopped,)))["http"]


def test_each_image_is_built_once_and_for_no_project_or_service_of_its_own() -> None:
    build = {"context": ".", "dockerfile": "transformer/Dockerfile"}
    one = {"image": "kserve-local/transformer", "build": build}
    model = {
        "services": {"first-transformer": one, "second-transformer": dict(one), "ingress": {"image": "traefik:v3"}}
    }
    assert images(model) == {
        "name": "kserve-local-images",
        "services": {"kserve-local-transformer": {"image": "kserve-local/transformer", "build": build}},
    }


def test_a_secret_stands_in_a_file_that_only_the_user_reaches_and_nowhere_else(
    service: ServicePlan, tmp_path: Path
) -> None:
    first, *others = service.units
    layout = replace(LAYOUT, secrets=str(tmp_path / "secrets"))

    def told(value: str) -> dict[str, Any]:
        known = replace(service, units=(replace(first, secrets=(("HF_TOKEN", value),)), *others))
        secrets.write(Plan((known,)), tmp_path / "secrets")
        return rendered(known, layout=layout)

    model = told("hush")
    assert "hush" not in str(model)
    mount = model["services"]["digits-storage-initializer"]["volumes"][-1]
    assert json.loads(Path(mount["source"]).read_text()) == {"HF_TOKEN": "hush"}
    assert model["services"]["digits-storage-initializer"]["environment"] == {
        "STORAGE_ENVIRONMENT_FILE": mount["target"]
    }
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    assert told("hush") == model
    assert "digits-predictor" in stale(model, told("changed"))
    assert len(list((tmp_path / "secrets").iterdir())) == 1
