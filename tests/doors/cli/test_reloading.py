"""Which files count as saved, whatever the moment of the save."""

from pathlib import Path

from twofold.cli.reloading import changed, snapshot


def test_a_saved_a_new_and_a_removed_file_count(tmp_path: Path) -> None:
    for name in ("kept", "saved", "removed"):
        (tmp_path / f"{name}.py").write_text("")
    before = snapshot(tmp_path)

    (tmp_path / "saved.py").write_text("x = 1")
    (tmp_path / "removed.py").unlink()
    (tmp_path / "new.py").write_text("")

    assert changed(before, snapshot(tmp_path)) == [str(tmp_path / f"{name}.py") for name in ("new", "removed", "saved")]


def test_nothing_changed_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("")

    assert changed(snapshot(tmp_path), snapshot(tmp_path)) == []


def test_other_files_and_folders_of_tools_do_not_count(tmp_path: Path) -> None:
    for folder in (".venv", "__pycache__", "node_modules"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.py").write_text("")
    (tmp_path / "notes.txt").write_text("")

    assert snapshot(tmp_path) == {}


def test_files_in_packages_count(tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "a.py").write_text("")

    assert list(snapshot(tmp_path)) == [str(tmp_path / "package" / "a.py")]
