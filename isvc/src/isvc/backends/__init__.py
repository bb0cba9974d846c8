"""What runs a plan. Each backend answers where a unit is and makes what runs agree with what is wanted.

stack.py    what every backend offers and reports
process/    units as child processes of a supervisor; compose/ as containers; neither knows of the other

What both stand on: wanted.py (what is wanted, and how it changes), folder.py (the files of a project), records.py (what
is in them), ports.py, sources.py (what stands in a build folder), ingress.py (Traefik's routes).
"""
