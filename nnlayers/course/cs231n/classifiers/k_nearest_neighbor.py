"""The k-nearest-neighbour classifier of cs231n's ``k_nearest_neighbor.py``."""

import numpy as np

from nnlayers.layers.checks import complaint

__all__ = ["KNearestNeighbor"]


class KNearestNeighbor:
    """Classifier that gives the most frequent label of the k nearest training examples.

    Examples
    --------
    >>> knn = KNearestNeighbor()
    >>> knn.train(np.array([[0.0], [1.0], [5.0]]), np.array([2, 2, 0]))
    >>> knn.predict(np.array([[4.0], [0.5]]), k=1)
    array([0, 2])
    """

    def __init__(self):
        self.X_train = self.y_train = None

    def train(self, X, y):
        """Remember the training examples.

        Parameters
        ----------
        X : ndarray, shape (N, D)
            Examples.
        y : ndarray of int, shape (N,)
            Labels.
        """
        X, y = np.asarray(X), np.asarray(y)
        if X.ndim != 2 or y.shape != X.shape[:1]:
            raise complaint(
                ValueError,
                "KNearestNeighbor.train",
                "X must be (N, D) and y the N labels",
                "X.reshape(len(X), -1) flattens images" if X.ndim > 2 else None,
                X=X,
                y=y,
            )
        self.X_train, self.y_train = X, y

    def predict(self, X, k=1, num_loops=0):
        """Return the labels of test examples.

        Parameters
        ----------
        X : ndarray, shape (M, D)
            Test examples.
        k : int
            Number of neighbours.
        num_loops : {0, 1, 2}
            Which of the three functions computes the distances; they are equal.

        Returns
        -------
        ndarray, shape (M,)
            Labels.
        """
        ways = {
            0: self.compute_distances_no_loops,
            1: self.compute_distances_one_loop,
            2: self.compute_distances_two_loops,
        }
        if num_loops not in ways:
            problem = f"num_loops must be 0, 1 or 2, not {num_loops}"
            raise complaint(ValueError, "KNearestNeighbor.predict", problem)
        return self.predict_labels(ways[num_loops](X), k=k)

    def compute_distances_two_loops(self, X):
        """Return Euclidean distances: see :meth:`compute_distances_no_loops`."""
        return self.compute_distances_no_loops(X)

    def compute_distances_one_loop(self, X):
        """Return Euclidean distances: see :meth:`compute_distances_no_loops`."""
        return self.compute_distances_no_loops(X)

    def compute_distances_no_loops(self, X):
        """Return Euclidean distances between test and training examples.

        Parameters
        ----------
        X : ndarray, shape (M, D)
            Test examples.

        Returns
        -------
        ndarray, shape (M, N)
            The distance of each test example from each training example.
        """
        from scipy.spatial.distance import cdist

        X = np.asarray(X)
        self._must_be_trained()
        if X.ndim != 2 or X.shape[1] != self.X_train.shape[1]:
            raise complaint(
                ValueError,
                "KNearestNeighbor",
                "test examples X must be (M, D) with the D of training",
                X=X,
                X_train=self.X_train,
            )
        return cdist(X, self.X_train)

    def predict_labels(self, dists, k=1):
        """Return the most frequent label of the k nearest, the smallest of equally frequent ones.

        Parameters
        ----------
        dists : ndarray, shape (M, N)
            Distances.
        k : int
            Number of neighbours; of equally distant ones, the first.

        Returns
        -------
        ndarray, shape (M,)
            Labels.
        """
        dists = np.asarray(dists)
        self._must_be_trained()
        if dists.ndim != 2 or dists.shape[1] != len(self.y_train):
            raise complaint(
                ValueError,
                "KNearestNeighbor.predict_labels",
                f"dists must be (M, N) with the N = {len(self.y_train)} of training",
                "rows are test examples",
                dists=dists,
            )
        if not 1 <= k <= len(self.y_train):
            raise complaint(
                ValueError,
                "KNearestNeighbor.predict_labels",
                f"k must be from 1 to the {len(self.y_train)} training examples, not {k}",
            )
        nearest = np.argsort(dists, axis=1, kind="stable")[:, :k]
        labels, places = np.unique(self.y_train, return_inverse=True)
        votes = [np.bincount(row, minlength=len(labels)) for row in places[nearest]]
        return labels[np.array(votes).reshape(len(dists), len(labels)).argmax(axis=1)]

    def _must_be_trained(self):
        if self.y_train is None:
            problem = "there are no training examples yet"
            raise complaint(ValueError, "KNearestNeighbor", problem, "train first")
