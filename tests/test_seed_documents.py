"""What three course documents compute by hand, computed by the library.

"Multidimensional derivatives" (TUM I2DL), "Deriving the gradient of a single-layer network with
respect to its inputs" (a question and answer), and "Backpropagation of matrix multiplication".
"""

import numpy as np
import pytest

from nnlayers import (
    Affine,
    Flatten,
    Sequential,
    Sigmoid,
    Softmax,
    SoftmaxCrossEntropy,
    Square,
    Sum,
    affine_backward,
    affine_forward,
    assert_gradients,
    jacobian,
    matmul_backward,
    matmul_forward,
    numerical_gradient,
    numerical_jacobian,
    sigmoid_backward,
    sigmoid_forward,
    square_backward,
    square_forward,
    sum_backward,
    sum_forward,
)

X = np.array([[0.0, 1.0], [2.0, 3.0]])
W = np.ones((2, 2))


class TestMultidimensionalDerivatives:
    """Section numbers and equations are those of the document."""

    def test_exercise_from_one_sequential(self):
        net = Sequential(Affine.of(W), Square(), Sum())
        loss, cache = net.forward(X)
        assert loss == 52.0
        dx, grads = net.gradients(1.0, cache)
        np.testing.assert_array_equal(dx, [[4, 4], [20, 20]])
        np.testing.assert_array_equal(grads["0.w"], [[20, 20], [32, 32]])

    def test_exercise_step_by_step(self):
        y, affine_cache = affine_forward(X, W)
        np.testing.assert_array_equal(y, [[1, 1], [5, 5]])
        f, square_cache = square_forward(y)
        np.testing.assert_array_equal(f, [[1, 1], [25, 25]])
        loss, sum_cache = sum_forward(f)
        assert loss == 52.0  # (a)
        df = sum_backward(1.0, sum_cache)
        np.testing.assert_array_equal(df, np.ones((2, 2)))  # (b)
        dy = square_backward(df, square_cache)
        np.testing.assert_array_equal(dy, [[2, 2], [10, 10]])  # (c)
        dx, dw = affine_backward(dy, affine_cache)
        np.testing.assert_array_equal(dx, dy @ W.T)  # (d)
        np.testing.assert_array_equal(dx, [[4, 4], [20, 20]])
        np.testing.assert_array_equal(dw, X.T @ dy)  # (e)
        np.testing.assert_array_equal(dw, [[20, 20], [32, 32]])

    def test_images_become_rows_channel_by_channel(self):  # eq. (2)
        images = np.arange(2.0 * 1 * 8 * 8).reshape(2, 1, 8, 8)
        rows, _ = Flatten().forward(images)
        assert rows.shape == (2, 64)
        np.testing.assert_array_equal(rows[1], np.arange(64.0, 128.0))
        out, _ = Affine.of(np.eye(64)).forward(images)
        np.testing.assert_array_equal(out, rows)
        colour = np.arange(2.0 * 3 * 2 * 2).reshape(2, 3, 2, 2)
        np.testing.assert_array_equal(Flatten().forward(colour)[0][0], np.arange(12.0))

    def test_an_affine_map_is_not_linear(self):  # 1.3
        b = np.array([1.0, 2.0])
        both = affine_forward(X + X, W, b)[0]
        assert not np.allclose(both, affine_forward(X, W, b)[0] * 2)

    def test_transposed_convention(self):  # eq. (3)
        b = np.array([[1.0, 2.0]])
        columns = (affine_forward(X, W, b)[0]).T
        np.testing.assert_array_equal(columns, W.T @ X.T + b.T)

    def test_one_weight_summed_entry_by_entry(self):  # eqs. (10), (15) to (19)
        rng = np.random.default_rng(0)
        x, w, dout = rng.normal(size=(2, 2)), rng.normal(size=(2, 3)), rng.normal(size=(2, 3))
        dw = affine_backward(dout, affine_forward(x, w)[1])[1]
        for u, v in np.ndindex(2, 3):
            total = 0.0
            for i, j in np.ndindex(2, 3):
                dy_dw = x[i, u] if j == v else 0.0
                total += dout[i, j] * dy_dw
            assert total == pytest.approx(dw[u, v], rel=1e-15)
        assert dw[0, 0] == pytest.approx(dout[0, 0] * x[0, 0] + dout[1, 0] * x[1, 0])  # (18)

    def test_doubling_and_summing(self):  # the example after eq. (10)
        x = np.array([1.0, -2.0, 3.0])
        np.testing.assert_allclose(numerical_gradient(lambda x: (2 * x).sum(), x), 2.0)

    def test_the_ugly_jacobian(self):  # eq. (8): f from matrices to vectors
        w = np.random.default_rng(0).normal(size=(3, 4))
        found = numerical_jacobian(lambda w: (w**2).sum(axis=1), w)
        assert found.shape == (3, 3, 4)
        for i in range(3):
            wanted = np.zeros((3, 4))
            wanted[i] = 2 * w[i]
            np.testing.assert_allclose(found[i], wanted, atol=1e-10)

    def test_the_affine_jacobian_from_differences_and_from_backward(self):
        layer = Affine(2, 3, rng=0)
        x = np.random.default_rng(1).normal(size=(4, 2))
        by_backward = jacobian(layer, x, wrt="w")
        numeric = numerical_jacobian(lambda w: x @ w, layer.params["w"].copy())
        assert by_backward.shape == (4, 3, 2, 3)
        np.testing.assert_allclose(by_backward, numeric, atol=1e-10)

    def test_bias_gradient_is_a_product_with_a_column_of_ones(self):  # 3.1
        rng = np.random.default_rng(0)
        x, w, b = rng.normal(size=(5, 2)), rng.normal(size=(2, 3)), rng.normal(size=(1, 3))
        dout = rng.normal(size=(5, 3))
        ones = np.ones((5, 1))
        out, cache = affine_forward(x, w, b)
        np.testing.assert_allclose(out, x @ w + ones @ b)
        db = affine_backward(dout, cache)[2]
        np.testing.assert_allclose(db, ones.T @ dout)
        # 1ᴺ b is a product like any other: its second factor's gradient is db
        np.testing.assert_allclose(db, matmul_backward(dout, matmul_forward(ones, b)[1])[1])

    def test_merging_the_bias_into_the_weights(self):  # 3.1
        rng = np.random.default_rng(0)
        x, w, b = rng.normal(size=(5, 2)), rng.normal(size=(2, 3)), rng.normal(size=(1, 3))
        dout = rng.normal(size=(5, 3))
        out, cache = affine_forward(x, w, b)
        merged, merged_cache = matmul_forward(np.hstack([x, np.ones((5, 1))]), np.vstack([w, b]))
        np.testing.assert_allclose(out, merged)
        dx, dw, db = affine_backward(dout, cache)
        dx_merged, dw_merged = matmul_backward(dout, merged_cache)
        np.testing.assert_allclose(dx_merged[:, :2], dx)
        np.testing.assert_allclose(dw_merged, np.vstack([dw, db]))

    def test_sigmoid_solution(self):  # exercise, task 1
        rng = np.random.default_rng(0)
        y, dout = rng.normal(size=(2, 3)), rng.normal(size=(2, 3))
        out, cache = sigmoid_forward(y)
        np.testing.assert_allclose(sigmoid_backward(dout, cache), dout * (out * (1 - out)))


class TestSingleLayerGradient:
    """x -> sigmoid hidden layer -> softmax -> cross-entropy, with respect to x.

    The document's J = Σ yᵢ log ŷᵢ lacks the minus sign of the cross-entropy; J = -Σ yᵢ log ŷᵢ is
    meant and used here.
    """

    def setup_method(self):
        rng = np.random.default_rng(0)
        self.x = rng.normal(size=(1, 4))
        self.w1, self.b1 = rng.normal(size=(4, 5)), rng.normal(size=5)
        self.w2, self.b2 = rng.normal(size=(5, 3)), rng.normal(size=3)
        self.y = np.array([[0.0, 1.0, 0.0]])
        self.net = Sequential(
            Affine.of(self.w1, self.b1),
            Sigmoid(),
            Affine.of(self.w2, self.b2),
            SoftmaxCrossEntropy(),
        )

    def test_loss_has_the_minus_sign(self):
        loss, _ = self.net.forward(self.x, self.y)
        probabilities = Softmax().forward(self.net.scores(self.x))[0]
        assert loss == pytest.approx(-np.log(probabilities[0, 1]))

    def test_gradient_of_the_input(self):
        loss, cache = self.net.forward(self.x, self.y)
        dx, _ = self.net.gradients(1.0, cache)
        h = 1 / (1 + np.exp(-(self.x @ self.w1 + self.b1)))
        y_hat = np.exp(h @ self.w2 + self.b2)
        y_hat /= y_hat.sum()
        by_hand = ((y_hat - self.y) @ self.w2.T * (h * (1 - h))) @ self.w1.T
        np.testing.assert_allclose(dx, by_hand, rtol=1e-12)
        assert_gradients(self.net, self.x, self.y)

    def test_the_elementwise_product_is_a_diagonal_jacobian(self):
        r = self.x @ self.w1 + self.b1
        s = jacobian(Sigmoid(), r)[0, :, 0, :]
        h = Sigmoid().forward(r)[0]
        np.testing.assert_allclose(s, np.diag((h * (1 - h))[0]))
        dh = np.random.default_rng(1).normal(size=(1, 5))
        np.testing.assert_allclose(dh @ s, dh * (h * (1 - h)))

    def test_the_chain_of_explicit_jacobians(self):
        r = self.x @ self.w1 + self.b1
        h, _ = Sigmoid().forward(r)
        theta = h @ self.w2 + self.b2
        d_loss = numerical_gradient(
            lambda t: SoftmaxCrossEntropy().forward(t, self.y)[0], theta.copy()
        )
        j_theta_h = numerical_jacobian(lambda h: h @ self.w2 + self.b2, h.copy())[0, :, 0, :]
        j_h_r = numerical_jacobian(lambda r: Sigmoid().forward(r)[0], r.copy())[0, :, 0, :]
        j_r_x = numerical_jacobian(lambda x: x @ self.w1 + self.b1, self.x.copy())[0, :, 0, :]
        by_jacobians = d_loss @ j_theta_h @ j_h_r @ j_r_x
        _, cache = self.net.forward(self.x, self.y)
        np.testing.assert_allclose(self.net.backward(1.0, cache)[0], by_jacobians, atol=1e-9)


class TestMatrixMultiplication:
    def test_products_of_the_first_cells(self):
        dot = matmul_forward(np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0]))[0]
        assert dot == 32.0
        a, b = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[5.0, 6.0], [7.0, 8.0]])
        np.testing.assert_array_equal(matmul_forward(a, b)[0], [[19, 22], [43, 50]])

    @pytest.mark.parametrize("N", [1, 2])
    def test_both_gradients(self, N):
        rng = np.random.default_rng(0)
        x, w = rng.normal(size=(N, 3)), rng.normal(size=(3, 4))
        y, cache = matmul_forward(x, w)
        dy = rng.normal(size=y.shape)
        dx, dw = matmul_backward(dy, cache)
        assert dx.shape == (N, 3)
        assert dw.shape == (3, 4)
        for n, i in np.ndindex(N, 3):  # ∂L/∂xᵢ = Σⱼ ∂L/∂yⱼ Wᵢⱼ
            assert dx[n, i] == pytest.approx(sum(dy[n, j] * w[i, j] for j in range(4)))
        for i, j in np.ndindex(3, 4):  # ∂L/∂Wᵢⱼ = Σₙ xᵢ ∂L/∂yⱼ
            assert dw[i, j] == pytest.approx(sum(x[n, i] * dy[n, j] for n in range(N)))
