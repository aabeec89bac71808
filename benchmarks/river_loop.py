"""The yardstick: River alone, over dicts that are ready, without JSON, log or process around it.

python -m benchmarks.river_loop 50000
"""

from __future__ import annotations

import sys
import time

import msgspec
from river import linear_model, optim, preprocessing

from tests.faults.load import FEATURES, Load, records

WARM_UP = 2_000


def main() -> None:
    count = int(sys.argv[1])
    load = Load("", "", "", events=count + WARM_UP, delay=0, damage=0)
    decoded = [msgspec.json.decode(sent.value) for sent in records(load)]
    examples = [({name: event[name] for name in FEATURES}, event["y"]) for event in decoded]
    model = preprocessing.StandardScaler() | linear_model.LogisticRegression(optimizer=optim.SGD(0.01))
    began = time.perf_counter()
    for i, (x, y) in enumerate(examples):
        if i == WARM_UP:
            began = time.perf_counter()
        model.predict_proba_one(x)
        model.learn_one(x, y)
    print(count / (time.perf_counter() - began))


if __name__ == "__main__":
    main()
