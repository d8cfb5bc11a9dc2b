"""TUM's Introduction to Deep Learning (I2DL): its names, where ``exercise_code`` stood.

One module for each file of the course's folder ``exercise_code``; all names are on the package
too.  ``from exercise_code.networks.layer import Relu`` becomes
``from nnlayers.course.i2dl.networks.layer import Relu``.  Where the exercises disagree, a name
serves all of them: a called loss is a number (exercise 4) that unpacks into loss and gradient
(exercises 5 and 6), and gradients of mean losses are divided by their number, as in exercise 4.
"""

from nnlayers.course.i2dl.data import *  # noqa: F403
from nnlayers.course.i2dl.gradient_check import *  # noqa: F403
from nnlayers.course.i2dl.hyperparameter_tuning import *  # noqa: F403
from nnlayers.course.i2dl.layers import *  # noqa: F403
from nnlayers.course.i2dl.networks import *  # noqa: F403
from nnlayers.course.i2dl.solver import *  # noqa: F403
