"""Sampling rules on dense matrices, written from the published steps: slow, obvious, without the package's code."""

import numpy as np

MASK = 2**64 - 1


def splitmix(state):
    """The next state of SplitMix64, and its output, in Python's whole numbers."""
    state = (state + 0x9E3779B97F4A7C15) & MASK
    return state, mix(state)


def mix(z):
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def nth_output(start, n):
    """Output number n, counted from 0, of the generator whose state is `start`."""
    for _ in range(n + 1):
        start, output = splitmix(start)
    return output


def sign_of(seed, layer, source, target):
    """Every generator starts from an output of the one before: of the seed, of the layer, of the target unit."""
    of_target = nth_output(nth_output(mix(seed), layer), target)
    return 1.0 if nth_output(of_target, source) >> 63 else -1.0


def sign_matrix(seed, layer, n_in, n_out):
    """All signs of a layer, (n_out, n_in)."""
    return np.array([[sign_of(seed, layer, s, t) for s in range(n_in)] for t in range(n_out)]).reshape(n_out, n_in)


def soft_walk(theta, *, lr, noise, l1, floor, rng):
    """One step of soft DEEP R where no gradient acts: noise on all, pull on the active, nothing below the floor."""
    active = theta > 0
    theta = theta + lr * noise * rng.standard_normal(theta.shape) - lr * l1 * active
    return np.maximum(theta, floor)


def deep_r_step(theta, gradient, *, lr, l1, noise):
    """One step of DEEP R before its reconnection: theta and the gradient are matrices, `noise` a matrix of draws."""
    active = theta > 0
    return np.where(active, theta - lr * gradient + lr * noise - lr * l1, theta)


class DenseBayesian:
    """The step of Bayesian connectivity sampling, on matrices; momentum everywhere, as in the authors' code.

    `forgets`: the velocity of whatever is not above 0 after the step and its births is set to 0.
    """

    def __init__(self, thetas, *, lr, weight_decay, momentum, n_alive, forgets=False):
        self.thetas = [theta.copy() for theta in thetas]
        self.velocities = [np.zeros_like(theta) for theta in thetas]
        self.lr, self.weight_decay, self.momentum = lr, weight_decay, momentum
        self.n_alive, self.forgets = n_alive, forgets
        self.n_births = self.n_revivals = 0

    def step(self, gradients, noises):
        """Everything before the births; gradients with respect to theta, of the active entries."""
        for theta, velocity, gradient, noise in zip(self.thetas, self.velocities, gradients, noises, strict=True):
            active = theta > 0
            gradient = np.where(active, gradient, 0.0)
            theta -= self.weight_decay * theta
            velocity *= self.momentum
            velocity -= self.lr * gradient
            theta += velocity
            theta += np.where(active, self.lr * noise, 0.0)
            self.n_revivals += int(np.count_nonzero((theta > 0) & ~active))

    @property
    def missing(self):
        """How many births there are to be, over all layers."""
        return max(0, self.n_alive - sum(int(np.count_nonzero(theta > 0)) for theta in self.thetas))

    def bear(self, layer, targets, sources):
        """Let positions be born; they must have been dormant."""
        theta = self.thetas[layer]
        assert (theta[targets, sources] <= 0).all()
        assert len(set(zip(targets.tolist(), sources.tolist(), strict=True))) == len(targets)
        theta[targets, sources] = 1e-12
        self.n_births += len(targets)

    def bear_at_random(self, rng):
        """Let as many be born as are missing."""
        sizes = np.array([theta.size for theta in self.thetas])
        for layer in rng.choice(len(sizes), self.missing, p=sizes / sizes.sum()):
            theta = self.thetas[layer]
            dormant = np.argwhere(theta <= 0)
            target, source = dormant[rng.integers(len(dormant))]
            self.bear(layer, np.array([target]), np.array([source]))

    def forget(self):
        """Where nothing lives, nothing is remembered."""
        if self.forgets:
            for theta, velocity in zip(self.thetas, self.velocities, strict=True):
                velocity[theta <= 0] = 0.0


def trained_on_matrices(x, y, sizes, *, density, n_steps, forgets, seed, batch=128):
    """Train a net of sparse layers without biases by Bayesian sampling; return the oracle and its last losses.

    Learning rate 0.1 and weight decay 5e-4 fall linearly, momentum 0.9, noise 1e-6.
    """
    rng, n_layers = np.random.default_rng(seed), len(sizes) - 1
    signs = [sign_matrix(seed, k, sizes[k], sizes[k + 1]) for k in range(n_layers)]
    thetas = [
        np.abs(rng.normal(0.0, np.sqrt(2 / (density * table.shape[1])), table.shape))
        * (rng.random(table.shape) < density)
        for table in signs
    ]
    n_alive = int(density * sum(table.size for table in signs))
    oracle = DenseBayesian(thetas, lr=0.1, weight_decay=5e-4, momentum=0.9, n_alive=n_alive, forgets=forgets)
    losses = []
    for step in range(n_steps):
        left = 1 - step / n_steps
        oracle.lr, oracle.weight_decay = 0.1 * left, 5e-4 * left
        chosen = rng.integers(len(x), size=batch)
        weights = [table * np.maximum(theta, 0.0) for table, theta in zip(signs, oracle.thetas, strict=True)]
        levels = [x[chosen]]
        for k, weight in enumerate(weights):
            z = levels[-1] @ weight.T
            levels.append(np.maximum(z, 0.0) if k < n_layers - 1 else z)
        chances = np.exp(levels[-1] - levels[-1].max(1, keepdims=True))
        chances /= chances.sum(1, keepdims=True)
        losses.append(-np.log(chances[np.arange(batch), y[chosen]] + 1e-30).mean())
        back, gradients = chances, []
        back[np.arange(batch), y[chosen]] -= 1.0
        for k in reversed(range(n_layers)):
            gradients.insert(0, signs[k] * (back.T @ levels[k]) / batch)
            back = (back @ weights[k]) * (levels[k] > 0)
        oracle.step(gradients, [1e-6 * rng.normal(size=table.shape) for table in signs])
        oracle.bear_at_random(rng)
        oracle.forget()
    return oracle, float(np.mean(losses[-100:]))
