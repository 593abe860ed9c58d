"""Downstream accuracy beyond the mean classifier: a linear probe and nearest neighbours on frozen features."""

from torch import Tensor
from torch.nn import functional as F

from hcl.downstream import classifier_loss, downstream_loss

_AT_MOST = 10_000  # training items of a linear probe, so that it takes seconds where a GPU has trained on all


def linear_probe(z: Tensor, labels: Tensor, z_test: Tensor, test_labels: Tensor) -> float:
    """Return the test accuracy of multinomial logistic regression on standardised features (D38).

    Scikit-learn's, with an L2 penalty of C = 1, on at most 10,000 training items, evenly spaced.

    Args:
        z: (n, d) features of the training split.
        labels: (n,) int64.
        z_test: (m, d) features of the test split.
        test_labels: (m,) int64.
    """
    from sklearn.linear_model import LogisticRegression  # takes seconds: only where it is needed

    chosen = slice(None, None, -(-len(z) // _AT_MOST))
    z, labels, z_test, test_labels = (part.cpu() for part in (z[chosen], labels[chosen], z_test, test_labels))
    mean, spread = z.double().mean(0), z.double().std(0).clamp_min(1e-12)
    inputs, tested = (((part.double() - mean) / spread).numpy() for part in (z, z_test))
    fitted = LogisticRegression(max_iter=1000, tol=1e-3).fit(inputs, labels.numpy())
    return float(fitted.score(tested, test_labels.numpy()))


def downstream_losses(z: Tensor, labels: Tensor, z_test: Tensor, test_labels: Tensor) -> dict[str, float]:
    """Return L_sup of the training split, and the loss of its weights on the test split (`hcl.downstream`).

    The weights are those of at most 10,000 training items, evenly spaced.

    Args:
        z: (n, d) features of the training split.
        labels: (n,) int64.
        z_test: (m, d) features of the test split.
        test_labels: (m,) int64.
    """
    chosen = slice(None, None, -(-len(z) // _AT_MOST))
    found = downstream_loss(z[chosen], labels[chosen], starts=1, steps=200)
    tested = float(classifier_loss(z_test.double(), test_labels, found.weights))
    return {"downstream_loss": found.loss, "downstream_loss_test": tested}


def knn_accuracy(
    z: Tensor, labels: Tensor, z_test: Tensor, test_labels: Tensor, *, neighbours: int = 200, temperature: float = 0.5
) -> float:
    """Return the test accuracy of the vote of the nearest training items, each with weight exp(cosine / temperature).

    The numbers are those of the official code of H-SCL (200, .5).

    Args:
        z: (n, d) features of the training split.
        labels: (n,) int64.
        z_test: (m, d) features of the test split.
        test_labels: (m,) int64.
        neighbours: at most n.
        temperature: > 0.
    """
    z, z_test = F.normalize(z.float()), F.normalize(z_test.float())
    correct = 0
    for part, truth in zip(z_test.split(1000), test_labels.split(1000), strict=True):
        cosine, index = (part @ z.T).topk(min(neighbours, len(z)), dim=1)
        votes = part.new_zeros(len(part), int(labels.max()) + 1)
        votes.scatter_add_(1, labels[index], (cosine / temperature).exp())
        correct += int((votes.argmax(1) == truth).sum())
    return correct / len(z_test)
