"""`promo checkpoint`, `promo cosign` and `promo anchor`: what somebody outside vouches for, and what they say."""

import time
from argparse import Namespace
from pathlib import Path
from shlex import quote

from promo.base.errors import ExitCode, PromoError
from promo.cli.places import study_of
from promo.cli.terminal import put
from promo.files import write_given
from promo.run.clock import SystemClock


def checkpoint(options: Namespace) -> int:
    """Write what somebody outside may sign or stamp."""
    from promo.driver.anchor import write_checkpoint
    from promo.driver.receipts import NAMESPACE

    path = write_checkpoint(study_of(options.place, options.study))
    put(path.read_text(encoding="utf-8").rstrip())
    put(f"written to {path}; somebody else attests to it with one of")
    put(f"  ssh-keygen -Y sign -n {NAMESPACE} -f KEY {path}    which writes {path}.sig")
    put(f"  openssl ts -query -data {path} -sha256 -cert -out {path}.tsq    and a reply kept as {path}.tsr")
    put(f"  git tag -s NAME -F {path}    with gpg.format ssh, pushed; kept by: git cat-file tag NAME > {path}.tag")
    put(f"  promo cosign {path} --key KEY.pem --name NAME    which writes {path}.cosigned")
    place = quote(options.study or options.place or "SPEC")
    put(f"record it with: promo anchor {place} RECEIPT --key THEIRS.pub (a time stamp: --authority CA.pem)")
    return ExitCode.DONE


def cosign(options: Namespace) -> int:
    """Sign a checkpoint as a witness, or as whose log it is."""
    from promo.driver.cosign import cosigned

    note = Path(options.note)
    now = None if options.plain else int(time.time())
    content, key = cosigned(note, Path(options.key), options.name, now)
    path = Path(options.out or f"{str(note).removesuffix('.cosigned')}.cosigned")
    write_given(path, content)
    put(f"written to {path}; to verify, others need this key, in a file:")
    put(str(key))
    return ExitCode.DONE


def anchor(options: Namespace) -> int:
    """Record a receipt from outside, or a value that was published after the freeze."""
    folder = study_of(options.place, options.study)
    if (options.receipt is None) is (options.value is None):
        raise PromoError("one thing is recorded at a time", hint="give a RECEIPT, or --value VALUE")
    if options.value is not None:
        from promo.driver.seeds import record_value

        source = record_value(folder, options.value, SystemClock())
        put(f"recorded: seeds are drawn from {options.value.strip()}, published at: {source}")
        return ExitCode.DONE
    from promo.driver.anchor import record_receipt

    keys, authorities = (tuple(map(Path, words)) for words in (options.key, options.authority))
    found = record_receipt(folder, Path(options.receipt), keys, authorities, SystemClock())
    reach = "what was frozen and no run" if found.before_runs else f"{found.size} events"
    put(f"recorded: {found.by} attests to {reach}")
    return ExitCode.DONE
