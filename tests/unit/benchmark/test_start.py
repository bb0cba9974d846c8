from benchmark.start import SERVERS, Times, report


def test_the_table_has_a_row_for_each_server_and_says_what_was_not_measured() -> None:
    times = {server.title: Times([40.0], [3.0, 2.0, 2.5]) for server in SERVERS[:2]}
    table = report({"process": {**times, "TorchServe": Times(failure="no torch")}}).splitlines()
    assert table[0] == "| predictor | process, cold | process, warm |"
    assert table[3] == "| Triton | 40.0 s | 2.5 s (2.0-3.0) |"
    assert table[4] == "| TorchServe | not measured | not measured |"
    assert table[-1].endswith("of 3 warm starts.")
