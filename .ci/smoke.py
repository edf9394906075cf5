"""Smoke test of a wheel's first use, run by .ci/run in a clean environment away from the checkout: `smoke.py WHEEL`."""

import importlib.resources
import subprocess
import sys
import time
import zipfile
from pathlib import Path


def check(holds: bool, what: str) -> None:
    if not holds:
        sys.exit(f"smoke test: {what}")
    print(f"ok: {what}")


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    check(done.returncode == 0, " ".join(command[-2:]) + (f"\n{done.stderr}" if done.returncode else ""))
    return done.stdout


def main() -> None:
    names = zipfile.ZipFile(sys.argv[1]).namelist()
    strangers = [n for n in names if not n.startswith("goalposts/") and ".dist-info/" not in n]
    check(not strangers, f"files in the wheel beside goalposts/: {strangers or 'none'}")
    check("goalposts/py.typed" in names, "the wheel is marked as typed")

    import goalposts

    home = Path(goalposts.__file__).parent
    check(home.parent.name == "site-packages", "goalposts is imported from its installed location")
    check(goalposts.__path__ == [str(home)], "an installed package searches only itself for its parts")
    yamls = importlib.resources.files("goalposts.configs").joinpath("coinrun").iterdir()
    check(any(p.name.endswith(".yaml") for p in yamls), "the wheel contains the configs")

    import gymnasium as gym

    env = gym.make("goalposts:goalposts/CoinRun-v0", condition="edge")
    observation, _ = env.reset(seed=1)
    check(env.observation_space.contains(observation), "gym.make returns an environment that resets")
    envs = gym.make_vec("goalposts:goalposts/CoinRun-v0", num_envs=3)
    check(envs.reset(seed=1)[0].shape[0] == 3, "gym.make_vec returns a batch")

    scripts = Path(sys.executable).parent
    started = time.perf_counter()
    check("Usage" in run(str(scripts / "goalposts"), "--help"), "goalposts --help prints the usage")
    print(f"    in {time.perf_counter() - started:.2f} s")
    check(
        "CoinRun" in run(sys.executable, "-m", "goalposts", "worlds"),
        "python -m goalposts worlds lists CoinRun",
    )


if __name__ == "__main__":
    main()
