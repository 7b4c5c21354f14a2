# Follows a TUF repository with python-tuf, and fetches targets:
#   python python_tuf.py BASE_URL ROOT FOLDER TARGET...
# What is not there ends with 3.
import pathlib
import sys

from tuf.ngclient import Updater

base, root, folder, *names = sys.argv[1:]
folder = pathlib.Path(folder)
(folder / "targets").mkdir(parents=True, exist_ok=True)
updater = Updater(
    metadata_dir=str(folder),
    metadata_base_url=base,
    target_dir=str(folder / "targets"),
    target_base_url=base + "/targets/",
    bootstrap=pathlib.Path(root).read_bytes(),
)
updater.refresh()
for name in names:
    target = updater.get_targetinfo(name)
    if target is None:
        print("no target", name, file=sys.stderr)
        sys.exit(3)
    updater.download_target(target)
