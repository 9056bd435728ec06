"""`promo lsp` where its package is not installed."""

import subprocess
import sys


def test_without_its_package_the_server_says_what_to_install(tmp_path):
    code = (
        "import sys\nsys.modules['pygls'] = None\n"  # what Python keeps for a module that must not be found
        "from promo.cli.main import main\nsys.exit(main(['lsp']))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)

    assert done.returncode == 2
    assert "pip install 'promo-lang[lsp]'" in done.stderr
    assert "Traceback" not in done.stderr
