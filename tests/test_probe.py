"""Downstream accuracy on frozen features."""

import pytest
import torch

from hcl.training import probe


def blobs(each, seed, shift=4.0, num_classes=3):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(num_classes).repeat_interleave(each)
    centres = shift * torch.nn.functional.one_hot(labels, num_classes + 1).float()
    return centres + torch.randn(len(labels), num_classes + 1, generator=generator), labels


def test_a_linear_probe_tells_classes_apart_that_no_mean_classifier_can():
    """Two blobs on a line through the origin, whose means have the larger inner product with the far one."""
    labels = torch.arange(2).repeat_interleave(50)
    z = torch.stack([torch.where(labels == 0, 1.0, 3.0), torch.zeros(100)], 1)
    means = torch.stack([z[labels == c].mean(0) for c in range(2)])
    assert ((z @ means.T).argmax(1) == labels).float().mean() == 0.5
    assert probe.linear_probe(z, labels, z, labels) == 1


def test_a_linear_probe_has_the_test_accuracy_and_is_at_chance_without_signal():
    z, labels = blobs(60, 0)
    z_test, test_labels = blobs(40, 1)
    found = probe.linear_probe(z, labels, z_test, test_labels)
    assert found > 0.95
    flipped = (test_labels + 1) % 3
    assert probe.linear_probe(z, labels, z_test, flipped) < 0.05
    assert probe.linear_probe(torch.zeros_like(z), labels, torch.zeros_like(z_test), test_labels) == pytest.approx(
        1 / 3
    )


def test_a_linear_probe_trains_on_ten_thousand_items_at_most(monkeypatch):
    monkeypatch.setattr(probe, "_AT_MOST", 50)
    z, labels = blobs(60, 0)
    z[1::4], labels = -z[1::4], labels  # items 0, 4, 8, ... are kept: the rest may hold anything
    assert probe.linear_probe(z, labels, *blobs(40, 1)) > 0.9


def test_neighbours_vote_with_their_cosines():
    z, labels = blobs(20, 2, shift=1.0)
    z_test, test_labels = blobs(10, 3, shift=1.0)
    unit, unit_test = (torch.nn.functional.normalize(part) for part in (z, z_test))
    correct = 0
    for x, truth in zip(unit_test, test_labels, strict=True):
        nearest = sorted(range(60), key=lambda j: -float(x @ unit[j]))[:7]
        votes = [sum(float((x @ unit[j] / 0.5).exp()) for j in nearest if labels[j] == c) for c in range(3)]
        correct += votes.index(max(votes)) == int(truth)
    assert 8 < correct < 30
    assert probe.knn_accuracy(z, labels, z_test, test_labels, neighbours=7) == correct / 30
    everyone = probe.knn_accuracy(z, labels, z_test, test_labels, neighbours=1000)
    assert everyone == probe.knn_accuracy(z, labels, z_test, test_labels, neighbours=60)
