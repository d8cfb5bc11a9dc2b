"""Stanford's cs231n: layers, update rules, solver and classifiers under the course's names.

One module for each file of the course's folder ``cs231n``; all names are on the package too.
"""

from nnlayers.course.cs231n.captioning_solver import *  # noqa: F403
from nnlayers.course.cs231n.classifiers import *  # noqa: F403
from nnlayers.course.cs231n.coco_utils import *  # noqa: F403
from nnlayers.course.cs231n.data_utils import *  # noqa: F403
from nnlayers.course.cs231n.fast_layers import *  # noqa: F403
from nnlayers.course.cs231n.features import *  # noqa: F403
from nnlayers.course.cs231n.gradient_check import *  # noqa: F403
from nnlayers.course.cs231n.im2col import *  # noqa: F403
from nnlayers.course.cs231n.image_utils import *  # noqa: F403
from nnlayers.course.cs231n.layer_utils import *  # noqa: F403
from nnlayers.course.cs231n.layers import *  # noqa: F403
from nnlayers.course.cs231n.optim import *  # noqa: F403
from nnlayers.course.cs231n.rnn_layers import *  # noqa: F403
from nnlayers.course.cs231n.solver import *  # noqa: F403
from nnlayers.course.cs231n.vis_utils import *  # noqa: F403
