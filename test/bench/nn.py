"""nn.py BUILD MODELS PEER [ROUNDS [SECONDS]]: our networks' speed and memory beside ONNX Runtime's.

MODELS is a folder of NAME.onnx and NAME.in, as test/zoo.py --keep leaves them; PEER a folder
where npm has put onnxruntime-node. Both sides of each row run by turns, one thread each,
ROUNDS times (default 5) for SECONDS (default 2) of CPU time; medians. Our side runs without
the variables that tell OpenBLAS which kernels to use. Then what each process takes of memory
at most, with one image. Fails where the two disagree, or a row misses its target.
"""

import json
import os
import statistics
import subprocess
import sys

import numpy as np

# network, images at a time, how many times as fast as ONNX Runtime
ROWS = [('resnet18', 1, 1.4), ('resnet18', 32, 1.4), ('resnet50', 1, 1.1), ('resnet50', 32, 1.1),
        ('densenet121', 1, 1.1), ('densenet121', 32, 1.1), ('mobilenet_v2', 1, 1.0), ('mobilenet_v2', 32, 1.0)]
ISAS = ['avx2', 'portable']
SHAPE = ['3', '224', '224']

build, models, peer = (os.path.abspath(p) for p in sys.argv[1:4])
rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 5
seconds = sys.argv[5] if len(sys.argv) > 5 else '2'
script = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'peer_onnxruntime.js')
environment = {k: v for k, v in os.environ.items() if not k.startswith('OPENBLAS_')}


def run(arguments, folder=None):
    out = subprocess.run(arguments, check=True, capture_output=True, text=True, env=environment, cwd=folder)
    return json.loads(out.stdout)


def ours(name, n, seconds, read='-', write='-', *isa):
    return run([f'{build}/tools/run_network', f'{models}/{name}.onnx', str(n), *SHAPE, '-', read, write, seconds, *isa])


def theirs(name, n, seconds, *more):
    return run(['node', script, f'{models}/{name}.onnx', str(n), *SHAPE, seconds, *more], peer)


def machine():
    with open('/proc/cpuinfo') as f:
        model = next((l.split(':', 1)[1].strip() for l in f if l.startswith('model name')), '?')
    return f'{model}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}'


def main():
    failed = []
    names = list(dict.fromkeys(name for name, _, _ in ROWS))
    memory = {}
    for name in names:
        # once to compare, and for memory: one image, a few runs
        mine, other = f'{models}/{name}.ours', f'{models}/{name}.theirs'
        memory[name] = (ours(name, 1, '0.2', f'{models}/{name}.in', mine),
                        theirs(name, 1, '0.2', f'{models}/{name}.in', other))
        a, b = np.fromfile(mine, '<f4'), np.fromfile(other, '<f4')
        if a.shape != b.shape or not np.abs(a - b).max() <= 1e-4 * np.abs(b).max():
            failed.append(f'{name}: other results')
    a, b = memory[names[0]]
    print(f'{machine()}; ONNX Runtime {b["version"]}, {a["isa"]} kernels, OpenBLAS {a["blas"]}; '
          f'one thread, median of {rounds} times {seconds} s of CPU; images a second')
    print(f'{"network":14} {"images":>6} {"medimnet":>10} {"peer":>10}  {"ratio":>5} {"target":>6}')
    for name, n, target in ROWS:
        a, b = [], []
        for _ in range(rounds):
            a.append(ours(name, n, seconds)['median_ms'])
            b.append(theirs(name, n, seconds)['median_ms'])
        x, y = statistics.median(a), statistics.median(b)
        note = '' if y / x >= target else '  missed'
        if note:
            failed.append(f'{name} of {n}')
        print(f'{name:14} {n:6} {1e3 * n / x:10.1f} {1e3 * n / y:10.1f}  {y / x:5.2f} {target:6.2f}{note}', flush=True)
    print(f'\n{"network":14} {"kernels":>9} {"images/s, one at a time":>24}')
    for name in names:
        for isa in ISAS:
            x = ours(name, 1, seconds, '-', '-', isa)['median_ms']
            print(f'{name:14} {isa:>9} {1e3 / x:24.1f}', flush=True)
    print(f'\n{"MB, one image":14} {"weights":>8} {"workspace":>9} {"process":>8} {"peer process":>13} {"of it before":>13}')
    for name, (a, b) in memory.items():
        print(f'{name:14} {a["plan"] / 2**20:8.1f} {a["workspace"] / 2**20:9.1f} {a["rss_kb"] / 1024:8.1f} '
              f'{b["rss_kb"] / 1024:13.1f} {b["before_kb"] / 1024:13.1f}')
    sys.exit(f'not as they should be: {", ".join(failed)}' if failed else 0)


main()
