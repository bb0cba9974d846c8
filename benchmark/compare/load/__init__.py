"""The asyncio engine: several client processes that send what the schedule says and note when."""
