"""Several files change together or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.cli import staging


def test_files_change_together_or_not_at_all(tmp_path: Path) -> None:
    """Half an import is a fleet of which half is declared."""
    first, second = tmp_path / "a.yaml", tmp_path / "folder" / "b.yaml"
    first.write_bytes(b"old")
    (tmp_path / "folder").write_bytes(b"a file where a folder should be")
    with pytest.raises(OSError, match="folder"):
        staging.write_all({first: b"new", second: b"new"})
    assert first.read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.yaml", "folder"]


def test_a_link_stays_a_link_and_modes_stay(tmp_path: Path) -> None:
    """A team that links shared manifests must not find copies in their places."""
    real, link = tmp_path / "real.yaml", tmp_path / "link.yaml"
    real.write_bytes(b"old")
    real.chmod(0o640)
    link.symlink_to(real)
    staging.write_all({link: b"new", tmp_path / "more" / "c.yaml": b"c"})
    assert link.is_symlink()
    assert real.read_bytes() == b"new"
    assert real.stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "more" / "c.yaml").read_bytes() == b"c"
