"""Where a network computes, and PyTorch while it does."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType

import numpy as np

from featurize.errors import OptionError

DEVICES: tuple[str, ...] = ("auto", "cpu", "cuda")
"""Where networks may run; ``auto`` is CUDA where there is one."""

CUDA_BATCH = 32
"""Crops that a GPU gets at a time; always this many, so that the same kernels are chosen."""


def check_device(device: str) -> None:
    """Refuse what is none of :data:`DEVICES`.

    Raises
    ------
    OptionError
        When the device is unknown.
    """
    if device not in DEVICES:
        raise OptionError(f"The device is one of {', '.join(DEVICES)}, not {device!r}.")


def chosen_device(device: str, *, has_cuda: bool, without: str) -> str:
    """``"cpu"`` or ``"cuda"``, as asked for and as can be.

    Parameters
    ----------
    device : str
        One of :data:`DEVICES`; ``"auto"`` takes the GPU where there is one.
    has_cuda : bool
        Whether there is one, as the library says that is to use it.
    without : str
        Why there is none, for the error.

    Raises
    ------
    OptionError
        When the device is unknown, or a GPU is asked for and there is none.

    Examples
    --------
    >>> chosen_device("auto", has_cuda=False, without="no GPU")
    'cpu'
    """
    check_device(device)
    if device == "cuda" and not has_cuda:
        raise OptionError(
            f"The device cuda cannot be used: {without}. Choose auto, which takes the GPU for the "
            "networks that can use it, or cpu."
        )
    return "cuda" if has_cuda and device != "cpu" else "cpu"


def load_torch() -> ModuleType:
    """PyTorch.

    Raises
    ------
    OptionError
        When it is not installed, or cannot be loaded.
    """
    try:
        import torch
    except ModuleNotFoundError as error:
        raise OptionError(
            f'This network needs PyTorch: pip install "deepfake-biometrics[cnn]" ({error}).'
        ) from error
    except (ImportError, OSError) as error:
        raise OptionError(
            f"PyTorch is installed, but cannot be loaded ({error}): install it anew, as its site "
            "says for this machine."
        ) from error
    return torch


def torch_device(device: str) -> str:
    """:func:`chosen_device` for networks that PyTorch runs."""
    has_cuda = load_torch().cuda.is_available()
    return chosen_device(device, has_cuda=has_cuda, without="PyTorch finds no GPU with CUDA")


@contextmanager
def computing() -> Iterator[None]:
    """PyTorch on one thread, without gradients, in full single precision; restored afterwards.

    TensorFloat-32, which cuDNN uses unless told otherwise, would move results by about 1e-3.
    """
    torch = load_torch()
    n_threads, tf32 = torch.get_num_threads(), torch.backends.cuda.matmul.allow_tf32
    torch.set_num_threads(1)
    torch.backends.cuda.matmul.allow_tf32 = False
    exact = torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )
    try:
        # TorchScript rewrites what has run a few times, where it can so that rounding differs.
        with exact, torch.inference_mode(), torch.jit.optimized_execution(False):
            yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = tf32
        torch.set_num_threads(n_threads)


def in_batches(
    embed: Callable[[np.ndarray], np.ndarray], crops: np.ndarray, n_batch: int
) -> np.ndarray:
    """Results for crops that are handed on in batches of one size.

    Parameters
    ----------
    embed : callable
        ``(n_batch, side, side, 3)`` uint8 to ``(n_batch, n_dims)``.
    crops : numpy.ndarray
        ``(n, side, side, 3)`` uint8, n at least 1; the last one fills the last batch up.
    n_batch : int
        Crops in a batch.

    Returns
    -------
    numpy.ndarray
        ``(n, n_dims)``.
    """
    results = []
    for start in range(0, len(crops), n_batch):
        batch = crops[start : start + n_batch]
        filling = np.repeat(batch[-1:], n_batch - len(batch), axis=0)
        results.append(embed(np.concatenate([batch, filling]))[: len(batch)])
    return np.concatenate(results)
