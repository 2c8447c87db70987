#!/usr/bin/env python3
"""Keras 3 (on PyTorch, JAX or TensorFlow): one callback more.

    eigencam stage & eigencam log --dir pictures &
    KERAS_BACKEND=torch keras_example.py [--epochs 2]
"""
import argparse

import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits

from eigencam.keras import EigenCAM

CLASSES = "zero one two three four five six seven eight nine".split()


def load():
    digits = load_digits()
    images = np.kron(digits.images, np.ones((1, 4, 4)))[..., None].astype("float32") / 16
    order = np.random.default_rng(1).permutation(len(images))
    images, labels = images[order], digits.target[order]
    return (images[:1200], labels[:1200]), (images[1200:1500], labels[1200:1500])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=2)
    args = parser.parse_args()
    keras.utils.set_random_seed(3)
    (x, y), (x_val, y_val) = load()
    model = keras.Sequential([
        layers.Input((32, 32, 1)),
        layers.Conv2D(12, 5, strides=2, padding="same", activation="relu"),
        layers.Conv2D(24, 3, padding="same", activation="relu", name="late"),
        layers.MaxPooling2D(4), layers.Flatten(), layers.Dense(10, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, validation_data=(x_val, y_val), epochs=args.epochs, verbose=2,
              callbacks=[EigenCAM("late", (x_val, y_val), classes=CLASSES, n_samples=8)])  #+


if __name__ == "__main__":
    main()
