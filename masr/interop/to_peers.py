"""`masr export --to s3prl` and `--to espnet`: a model of transformers, and the files by which the peer takes it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from masr.errors import CheckpointError
from masr.features.log_mel import Config as MelConfig
from masr.interop.native import takes_mel, what_counts_padding, without_counterpart
from masr.interop.opened import Opened
from masr.io.atomic import atomic_write

_CARRIED = Path(__file__).parent / "carried"
_FILES = {
    "s3prl": ("masr_upstream.py", "expert.py", "hubconf.py"),
    "espnet": ("masr_upstream.py", "masr_espnet.py", "with_espnet.py"),
}
_HOW = {
    "s3prl": """Copy the folder into a checkout of s3prl as `s3prl/upstream/masr` and add one line to `s3prl/hub.py`:

```python
from s3prl.upstream.masr.hubconf import *
```

```sh
python3 run_downstream.py -m train -u masr -k FOLDER -d ctc -n NAME
```

`from expert import UpstreamExpert` works without s3prl too: `UpstreamExpert("FOLDER")([samples])["hidden_states"]`.""",
    "espnet": """```sh
./asr.sh --python "python3 FOLDER/with_espnet.py" --feats_type raw --asr_config conf/train_masr.yaml ...
```

with, in `conf/train_masr.yaml`:

```yaml
frontend: masr
frontend_conf: {folder: FOLDER}   # layer: 6 takes one layer, train: true moves the weights
normalize: null
```

or, with nothing of ESPnet's between it and CTC or a decoder, and weights that move:

```yaml
input_size: 1
frontend: null
encoder: masr
encoder_conf: {folder: FOLDER}
normalize: null
```""",
}


def save_for(
    peer: str, opened: Opened, save_model: Callable[[Opened, Path], None], out: Path
) -> tuple[str, dict[str, Any]]:
    """`model/` as `save_model` writes it for transformers, and the peer's files; how to load, and facts for the record.

    What was learnt on top of the encoder stays behind: the peer trains a head of its own. CheckpointError where the
    encoder does not take what the peer gives.
    """
    if takes_mel(opened):
        raise CheckpointError(
            f"{opened.folder}: its encoder is a w2v-BERT of transformers, and {peer} cannot be given it",
            why=f"{peer} gives waveforms, and that model takes mel frames, which transformers makes by numpy before it",
            fix="take --to hf: its feature extractor goes along; or export an encoder that takes waveforms",
        )
    encoder = dataclasses.replace(opened, kind="encoder", objective=None, units=None, labels=())
    (out / "model").mkdir()
    save_model(encoder, out / "model")
    for name in _FILES[peer]:
        atomic_write(out / name, (_CARRIED / name).read_text(encoding="utf-8"))
    padding_counts = not without_counterpart(encoder) and bool(what_counts_padding(encoder))
    return _HOW[peer], {"downsample_rate": downsample_rate(opened), "padding_counts": padding_counts}


def downsample_rate(opened: Opened) -> int:
    """Samples to one encoded frame."""
    subsampling = int(opened.model.encoder.subsampling)
    if opened.model.takes_samples:
        return subsampling
    features = opened.config.features
    shift_ms = getattr(None if features is None else features.config, "shift_ms", MelConfig.shift_ms)
    return subsampling * round(opened.model.sample_rate * shift_ms / 1000)
