"""The difference between no timeout (None) and the client's own."""


class UseClientDefault:
    """The type of USE_CLIENT_DEFAULT."""


USE_CLIENT_DEFAULT = UseClientDefault()
