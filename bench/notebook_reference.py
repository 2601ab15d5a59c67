"""The notebook's diag merge, step by step, in PyTorch: the reference of `npm run bench`. Prints one JSON line.

Usage: notebook_reference.py FOLDER REPEATS THREADS   (FOLDER holds a/ and b/ with model.safetensors)
"""
import json, math, sys, time
import numpy as np, torch

def read(path):
    data = open(path, 'rb').read(); n = int.from_bytes(data[:8], 'little'); header = json.loads(data[8:8 + n]); header.pop('__metadata__', None)
    return [torch.from_numpy(np.frombuffer(data[8 + n + t['data_offsets'][0]:8 + n + t['data_offsets'][1]], '<f4').reshape(t['shape']).copy()) for _, t in sorted(header.items())]

def pca_covariance(W, q):
    U, S, V = torch.pca_lowrank(W @ W.T, q=q, center=False)
    E = torch.sqrt(torch.diag(S)) @ U.T
    return E @ W, U @ torch.linalg.pinv(torch.sqrt(torch.diag(S)))

def pca_weight(W, q):
    U, S, V = torch.pca_lowrank(W, q=q, center=False)
    return torch.diag(S) @ V.T, U

def expand_out_pca_diag(W, r):
    W_out, E_inv = pca_covariance(W, r) if min(W.shape) <= r else pca_weight(W, r)
    return W_out, E_inv, torch.abs(E_inv @ W_out - W).mean().item()

def block_diag(A, B):
    return torch.concat((torch.concat((A, torch.zeros(A.shape[0], B.shape[1])), -1), torch.concat((torch.zeros(B.shape[0], A.shape[1]), B), -1)), 0)

def merge(a, b, x):
    W0, W1, W2 = (block_diag(p, q) for p, q in zip(a, b))
    N0, F0, e0 = expand_out_pca_diag(W0, 768)
    P1, F1, e1 = expand_out_pca_diag(W1, 3072)
    N1, N2 = P1 @ F0, W2 @ F1
    y = x @ W0.T @ W1.T @ W2.T
    return e0, e1, torch.abs(y - x @ N0.T @ N1.T @ N2.T).mean().item()

if __name__ == '__main__':
    torch.set_num_threads(int(sys.argv[3])); torch.manual_seed(33); folder, repeats = sys.argv[1], int(sys.argv[2])
    a, b = (read(f'{folder}/{name}/model.safetensors') for name in ('a', 'b')); x = torch.rand(32, 2000) / math.sqrt(1000); seconds = []
    for _ in range(repeats):
        start = time.perf_counter(); errors = merge(a, b, x); seconds.append(time.perf_counter() - start)
    m = torch.rand(2048, 2048); m @ m; start = time.perf_counter(); m @ m; gemm = 2 * 2048 ** 3 / (time.perf_counter() - start) / 1e9
    print(json.dumps({'seconds': sorted(seconds)[len(seconds) // 2], 'w0': errors[0], 'w1': errors[1], 'output': errors[2], 'torch': torch.__version__, 'threads': torch.get_num_threads(), 'gemm_gflops': gemm}))
