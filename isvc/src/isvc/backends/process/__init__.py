"""Units as child processes of one supervisor per project. Linux and macOS; Windows has no process groups to stop.

backend.py     (client)  what `isvc` calls: writes what is wanted, starts the supervisor, reads what it reports
binding.py     (pure)    a plan and its ports -> argument lists, environments, addresses
revisions.py   (pure)    which revision of each unit is wanted, and where its folders are
rollout.py     (pure)    a service between two revisions: which one has the requests, which are kept for that
reconcile.py   (pure)    decide(wanted, running, now) -> actions
ingress.py     (pure)    Traefik's command line and its dynamic configuration
supervisor.py  (daemon)  the loop that carries the actions out
routes.py                the ingress' files, and whether it has loaded them
started.py               one unit that was started
child.py, journal.py, probes.py, survivors.py: one operating-system matter each
"""
