"""KServe's agent, in small: a reverse proxy before one component, with a logger and a batcher; and a sink for events.
And what a Service does for several instances of a component.

events.py   (pure)  CloudEvents in HTTP's binary mode
logger.py           sends them, by a few workers from a bounded queue
batches.py          collects V1 predictions
proxy.py            logger, then batcher, then the component
balance.py          several instances behind one address
dump.py             shows the events that it is sent
"""
