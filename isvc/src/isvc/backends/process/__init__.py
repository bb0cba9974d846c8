"""Units as child processes of one supervisor per project. Linux and macOS; Windows has no process groups to stop.

backend.py     (client)  what `isvc` calls: writes what is wanted, starts the supervisor, reads what it reports
binding.py     (pure)    a plan and its ports -> argument lists, environments, addresses
reconcile.py   (pure)    decide(wanted, running, now) -> actions; which routes should be open
ingress.py     (pure)    Traefik's command line and its dynamic configuration
supervisor.py  (daemon)  the loop that carries the actions out
started.py               one unit that was started
child.py, journal.py, probes.py, survivors.py: one operating-system matter each
"""
