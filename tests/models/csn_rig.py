"""Vectors and noise for the tests of class-specific noise."""

import math

import numpy as np

from models.csn.noise import FeatureNoise

LABELS = ["falling", "lying", "walking", "sitting"]


def unit_rows(rows: int, dim: int, seed: int) -> np.ndarray:
    numbers = np.random.default_rng(seed).normal(size=(rows, dim)).astype(np.float32)
    unit: np.ndarray = numbers / np.linalg.norm(numbers, axis=1, keepdims=True)
    return unit


def make_noise(dim: int = 8, length: float = 0.3, seed: int = 1) -> FeatureNoise:
    offsets = length * unit_rows(len(LABELS), dim, seed)
    return FeatureNoise(offsets, unit_rows(len(LABELS), dim, seed=2), epsilon=0.3)


def labelled_features(
    frames: int, seed: int = 3, spread: float = 0.6, dim: int = 8
) -> tuple[np.ndarray, np.ndarray]:
    """Features around a centre for each label that is not quite the label's text."""
    rng = np.random.default_rng(seed)
    centres = unit_rows(len(LABELS), dim, seed=2) + 0.8 * unit_rows(4, dim, seed=9)
    labels = np.arange(frames) % len(LABELS)
    noise = spread * rng.normal(size=(frames, dim)) / math.sqrt(dim)
    features = (centres[labels] + noise).astype(np.float32)
    return features / np.linalg.norm(features, axis=1, keepdims=True), labels


def literal_cosine(one: np.ndarray, two: np.ndarray) -> float:
    return float(one @ two / (np.linalg.norm(one) * np.linalg.norm(two)))


def pictures(count: int, seed: int = 7) -> np.ndarray:
    """Some pixels black and some white, where noise meets the clip."""
    random = np.random.default_rng(seed)
    wide = random.integers(-60, 316, (count, 32, 32, 3))
    return wide.clip(0, 255).astype(np.uint8)
