"""What runs a plan. Each backend answers where a unit is and makes what runs agree with what is wanted.

`stack` is what every backend offers and reports; `process` runs units as child processes of a supervisor.
"""
