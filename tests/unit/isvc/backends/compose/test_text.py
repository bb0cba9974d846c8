import yaml

from isvc.backends.compose.text import write

MODEL = {
    "name": "p",
    "services": {
        "a": {"image": "x", "command": ["--one", "1"], "test": ["CMD", "y" * 100]},
        "b": {"image": "z", "healthcheck": {"retries": 3}},
    },
    "volumes": {"models": {}},
}


def test_what_is_written_is_read_back_as_it_was() -> None:
    assert yaml.safe_load(write(MODEL, "heading")) == MODEL


def test_short_lists_take_one_line_and_services_stand_apart() -> None:
    text = write(MODEL, "first\nsecond")
    assert text.startswith("# first\n# second\nname: p\n\nservices:\n  a:\n")
    assert "    command: [--one, '1']\n" in text
    assert "      - CMD\n" in text
    assert "\n\n  b:\n" in text
    assert text.endswith("\n\nvolumes:\n  models: {}\n")
