"""Where networks compute, decided without a GPU; and how crops are handed to one."""

import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from featurize import doctor
from featurize.errors import OptionError
from featurize.networks import network
from featurize.networks.device import (
    DEVICES,
    chosen_device,
    computing,
    in_batches,
    load_torch,
    torch_device,
)
from featurize.networks.dlib_resnet import dlib_device


class TestChoice:
    @pytest.mark.parametrize(
        ("device", "has_cuda", "chosen"),
        [
            ("auto", True, "cuda"),
            ("auto", False, "cpu"),
            ("cpu", True, "cpu"),
            ("cpu", False, "cpu"),
            ("cuda", True, "cuda"),
        ],
    )
    def test_the_gpu_where_there_is_one_and_it_is_not_declined(
        self, device: str, has_cuda: bool, chosen: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert chosen_device(device, has_cuda=has_cuda, without="") == chosen
        monkeypatch.setattr(torch.cuda, "is_available", lambda: has_cuda)
        assert torch_device(device) == chosen

    def test_cuda_without_a_gpu_is_an_error_that_says_why(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        with pytest.raises(OptionError, match=r"PyTorch finds no GPU with CUDA.*auto.* or cpu"):
            torch_device("cuda")

    @pytest.mark.parametrize("error", [OSError, ImportError])
    def test_a_torch_that_is_broken_is_told(
        self, error: type[Exception], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Broken:
            def find_spec(self, name: str, *_: object) -> None:
                if name == "torch":
                    raise error("libcudart.so.13: cannot open shared object file")

        monkeypatch.delitem(sys.modules, "torch")
        monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
        with pytest.raises(OptionError, match=r"cannot be loaded \(libcudart.*install it anew"):
            load_torch()
        network._built_in.cache_clear()
        findings = {found.subject: found for found in doctor._networks()}
        network._built_in.cache_clear()
        assert not findings["network: efficientnet-lite0"].works
        assert "libcudart" in findings["network: efficientnet-lite0"].detail

    @pytest.mark.parametrize("device", ["gpu", "", "CUDA", "cuda:0"])
    def test_other_devices_are_refused_by_name(self, device: str) -> None:
        with pytest.raises(OptionError, match=", ".join(DEVICES)):
            torch_device(device)

    def test_dlib_computes_where_it_was_built_to(self) -> None:
        assert dlib_device("auto", built_with_cuda=True) == "cuda"
        assert dlib_device("cuda", built_with_cuda=True) == "cuda"
        assert dlib_device("auto", built_with_cuda=False) == "cpu"
        assert dlib_device("cpu", built_with_cuda=False) == "cpu"
        with pytest.raises(
            OptionError, match="dlib-resnet runs on dlib, which was built without CUDA"
        ):
            dlib_device("cuda", built_with_cuda=False)
        with pytest.raises(
            OptionError, match="dlib-resnet runs on dlib, which was built with CUDA"
        ):
            dlib_device("cpu", built_with_cuda=True)


class TestBatches:
    @given(n=st.integers(1, 30), n_batch=st.integers(1, 9))
    def test_every_batch_is_full_and_every_crop_has_its_own_result(
        self, n: int, n_batch: int
    ) -> None:
        sizes = []

        def embed(crops: np.ndarray) -> np.ndarray:
            sizes.append(len(crops))
            return crops.reshape(len(crops), -1)[:, :2] * 2.0

        crops = np.arange(n, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 3), np.uint8)
        results = in_batches(embed, crops, n_batch)
        assert results.tolist() == [[2.0 * number] * 2 for number in range(n)]
        assert sizes == [n_batch] * -(-n // n_batch)


class TestComputing:
    def test_one_thread_full_precision_no_gradients_and_all_as_before_afterwards(
        self,
    ) -> None:
        n_threads, tf32 = torch.get_num_threads(), torch.backends.cuda.matmul.allow_tf32
        torch.set_num_threads(2)
        torch.backends.cuda.matmul.allow_tf32 = True

        def state() -> tuple[int, bool, bool, bool]:
            return (
                torch.get_num_threads(),
                torch.backends.cuda.matmul.allow_tf32,
                torch.backends.cudnn.allow_tf32,
                torch.is_inference_mode_enabled(),
            )

        def fail() -> None:
            with computing():
                inside.append(state())
                raise ZeroDivisionError

        inside: list[tuple[int, bool, bool, bool]] = []
        before = state()
        with pytest.raises(ZeroDivisionError):
            fail()
        after = state()
        torch.set_num_threads(n_threads)
        torch.backends.cuda.matmul.allow_tf32 = tf32
        assert inside == [(1, False, False, True)]
        assert before == after == (2, True, True, False)
