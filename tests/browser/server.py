"""A JupyterLab of one's own: port, settings and data in a folder, no password, no browser, no news
from the network."""

import contextlib, json, os, socket, subprocess, sys, time, urllib.error, urllib.request


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def jupyterlab(home, root, trusted=()):
    "The address of a server whose files are those of `root`; settings, data and log lie in `home`."
    quiet = home / "config" / "labconfig"
    quiet.mkdir(parents=True)
    (quiet / "page_config.json").write_text(
        json.dumps(dict(disabledExtensions={"@jupyterlab/apputils-extension:announcements": True}))
    )
    own = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "IPYTHONDIR": "ipython",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    }
    environment = {k: v for k, v in os.environ.items() if not k.startswith("JUPYTER")} | {
        k: str(home / v) for k, v in own.items()
    }
    if trusted:
        subprocess.run(
            [sys.executable, "-m", "jupyter", "trust", *map(str, trusted)],
            env=environment,
            check=True,
            capture_output=True,
        )  # as `make lab` does
    port, begun = free_port(), time.monotonic()
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        "--no-browser",
        "--allow-root",
        "--ip=127.0.0.1",
        f"--port={port}",
        "--ServerApp.port_retries=0",
        "--IdentityProvider.token=",
        "--ServerApp.password=",
        "--LabApp.expose_app_in_browser=True",
        f"--ServerApp.root_dir={root}",
    ]
    with (home / "log.txt").open("w") as log:
        server = subprocess.Popen(
            command, cwd=root, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
    address = f"http://127.0.0.1:{port}"
    try:
        while True:
            try:
                urllib.request.urlopen(f"{address}/api/status", timeout=5)
                break
            except (urllib.error.URLError, OSError):
                assert server.poll() is None and time.monotonic() - begun < 180, (
                    home / "log.txt"
                ).read_text()[-3000:]
                time.sleep(0.3)
        yield address
    finally:
        server.terminate()  # the server ends its kernels
        try:
            server.wait(60)
        except subprocess.TimeoutExpired:
            server.kill()
