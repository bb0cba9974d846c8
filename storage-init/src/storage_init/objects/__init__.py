"""Objects of a store become files: what every scheme that lists objects and reads ranges of them shares.

`item` says what an object is, `patterns` which of them are wanted, `depot` what was fetched already;
`collection` fetches the rest.
"""
