"""Small files that declare huge sizes are refused before memory is allocated."""

import io
import resource
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from goalposts.envs import LevelError, generate, load_levels, save_levels
from goalposts.errors import UserError
from goalposts.experiments.evaluation.trajectories import SCHEMA as TRAJECTORIES
from goalposts.experiments.evaluation.trajectories import read_trajectories
from goalposts.experiments.measurement.episodes import SCHEMA, read_episodes

MORE = 3_000_000  # identical rows: a few kilobytes


def peak() -> int:
    """Peak memory of this process, in kB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def test_a_level_set_that_unpacks_to_gigabytes_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = save_levels(generate("CoinRun", "edge", 0, 3), tmp_path / "levels.npz")
    size = 1 << 30
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    header = io.BytesIO()
    facts = {"descr": "|u1", "fortran_order": False, "shape": (size >> 10, 32, 32)}
    np.lib.format.write_array_header_1_0(header, facts)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("tiles.npy", "w", force_zip64=True) as file:
            file.write(header.getvalue())
            for _ in range(size >> 22):
                file.write(bytes(1 << 22))
        for name in ("sizes.npy", "index.npy", "meta.npy"):
            archive.writestr(name, members[name])
    assert path.stat().st_size < size / 200
    before = peak()
    with pytest.raises(
        LevelError, match=r"would unpack to 1,073,\d{3},\d{3} bytes \(limit: 200 times the file size\)"
    ):
        load_levels(path)
    assert peak() - before < 100_000


@pytest.mark.slow
def test_real_level_set_is_never_mistaken_for_a_bomb(tmp_path: Path) -> None:
    """Even one level repeated many times, which compresses best."""
    levels = generate("CoinRun", "edge", 0, 1)[np.zeros(300_000, int)]
    path = save_levels(levels, tmp_path / "levels.npz")
    assert zipfile.ZipFile(path).getinfo("tiles.npy").file_size > 1 << 26
    if path.stat().st_size * 200 < 1 << 26:
        pytest.skip("packs better than 200 to 1")
    assert len(load_levels(path)) == 300_000


@pytest.mark.parametrize("what", ["episodes", "trajectories"])
def test_a_table_of_millions_of_equal_rows_in_kilobytes_is_refused_before_it_is_read(
    tmp_path: Path, what: str
) -> None:
    path = tmp_path / f"{what}.parquet"
    schema = SCHEMA if what == "episodes" else TRAJECTORIES
    metadata = {"goalposts.episodes.version": "1"}
    lone = pl.DataFrame({name: pl.Series([None], dtype=dtype) for name, dtype in schema.items()})
    lone.select(pl.all().repeat_by(MORE).explode()).write_parquet(path, metadata=metadata)
    assert path.stat().st_size < MORE / 10
    before = peak()
    with pytest.raises(UserError, match="claims"):
        (read_episodes if what == "episodes" else read_trajectories)(path)
    assert peak() - before < 100_000
