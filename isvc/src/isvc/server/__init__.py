"""A Kubernetes API in front of the stack: what `kubectl` and KServe's client talk to.

`resources` names what is served, `store` keeps objects, `controller` makes what runs agree with them, and the rest
answers requests. Nothing here starts by being imported.
"""
