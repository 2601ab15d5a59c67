"""The same work in PyTorch on the same GPU. Arguments: folder of the notebook's sources, sizes. Prints one line of JSON."""

import json
import sys
import time

import torch

sys.path.insert(0, "bench")
from notebook_reference import merge, read  # noqa: E402

RUNS = 5


def seconds(work, runs=RUNS):
    work()
    times = []
    for _ in range(runs):
        torch.cuda.synchronize()
        start = time.perf_counter()
        work()
        torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2]


def main():
    folder, sizes = sys.argv[1], [int(size) for size in sys.argv[2].split(",")]
    if not torch.cuda.is_available():
        sys.exit("PyTorch sees no GPU")
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.set_default_device("cuda")  # the notebook makes its own zeros
    device = torch.device("cuda")
    inputs = torch.rand(32, 2000) / 1000**0.5
    a, b = ([w.to(device) for w in read(f"{folder}/{name}/model.safetensors")] for name in "ab")
    result = {
        "torch": torch.__version__,
        "device": torch.cuda.get_device_name(),
        "notebook": seconds(lambda: merge(a, b, inputs)),
        "embedding": None,
        "sizes": {},
    }
    table = torch.rand(30522, 768, device=device) - 0.5
    result["embedding"] = seconds(lambda: torch.pca_lowrank(table, q=512, center=False, niter=2))
    for n in sizes:
        x = torch.rand(n, n, device=device) - 0.5
        gram = x.double() @ x.double().T
        result["sizes"][n] = {
            "eigh": seconds(lambda: torch.linalg.eigh(gram), 1),
            "pca_lowrank": seconds(lambda: torch.pca_lowrank(x, q=n // 2, center=False, niter=2), 1),
            "gemm": seconds(lambda: x @ x),
        }
        del x, gram
        torch.cuda.empty_cache()
    print(json.dumps(result))


main()
