"""decode.py PROGRAMS INPUTS [ROUNDS]: medimnet's decoder beside its peers.

Runs both sides of each row by turns, ROUNDS times (default 7), and prints the
medians and how many times as fast as its peer medimnet is: the median of the
rounds' own ratios, since a shared machine changes its pace from one to the
next.  Fails where the two see other samples, or a row misses its target.
"""

import os
import statistics
import subprocess
import sys

# what, suffix of the DICOM file, suffix for the peer, peer, target; 8: 8-bit images
ROWS = [
    ('raw', '.dcm', '.dcm', 'dcmtk', .8),
    ('RLE', '.rle.dcm', '.rle.dcm', 'dcmtk', 1.0),
    ('JPEG baseline', '-8.jpg.dcm', '-8.jpg', 'jpeg', .85),
    ('JPEG lossless', '.ljpeg.dcm', '.ljpeg.dcm', 'gdcm', .95),
    ('JPEG lossless', '.ljpeg.dcm', '.ljpeg.dcm', 'dcmtk', .95),
    ('JPEG-LS', '.jls.dcm', '.jls', 'charls', .9),
    ('JPEG 2000', '.j2k.dcm', '.j2k', 'openjpeg', .9),
    ('PNG', '-8.png', '-8.png', 'png', .9),
    ('PNG', '.png', '.png', 'png', .9),
]
PEERS = {'dcmtk': 'DCMTK', 'jpeg': 'libjpeg-turbo', 'gdcm': 'GDCM', 'charls': 'CharLS',
         'openjpeg': 'OpenJPEG', 'png': 'libpng'}

programs, inputs = sys.argv[1:3]
rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 7


def run(program, path):
    out = subprocess.run([os.path.join(programs, program), os.path.join(inputs, path)],
                         check=True, capture_output=True, text=True).stdout
    time, _, _, digest = out.split('\t')
    return float(time), digest


def machine():
    with open('/proc/cpuinfo') as f:
        model = next((l.split(':', 1)[1].strip() for l in f if l.startswith('model name')), '?')
    return f'{model}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}'


failed = []
print(f'{machine()}; median of {rounds}, CPU time')
print(f'{"syntax":14} {"image":14} {"medimnet":>12} {"peer":>12}  {"":13} {"ratio":>6} {"target":>6}')
for what, ours, theirs, peer, target in ROWS:
    for name, side in ('ct512', 512), ('cr2048', 2048):
        a, b, seen = [], [], set()
        for _ in range(rounds):
            for program, path, times in ('ours', name + ours, a), ('peer_' + peer, name + theirs, b):
                time, digest = run(program, path)
                times.append(time)
                seen.add(digest)
        x, y = statistics.median(a), statistics.median(b)
        ratio = statistics.median(theirs_took / ours_took for ours_took, theirs_took in zip(a, b))
        image = f'{side}x{side}x{8 if "-8" in ours else 12}'
        note = ''
        if len(seen) != 1:
            note = '  OTHER SAMPLES'
        elif ratio < target:
            note = '  missed'
        if note:
            failed.append(f'{what} {image}')
        print(f'{what:14} {image:14} {x:9.1f} us {y:9.1f} us  {PEERS[peer]:13} '
              f'{ratio:6.2f} {target:6.2f}{note}', flush=True)
sys.exit(f'not as they should be: {", ".join(failed)}' if failed else 0)
