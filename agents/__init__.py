"""Agents, trained and scripted, and the playing of episodes. Knows no run folders.

The names below are imported on first use, so that scripted agents do not load torch. Read next: `rollout.py`.
"""

from typing import TYPE_CHECKING

from goalposts.lazy import lazy_exports

if TYPE_CHECKING:
    from .algorithms.training import (
        AlgorithmTraining as AlgorithmTraining,
        LearnerSettings as LearnerSettings,
        training_of as training_of,
    )
    from .frame_stacked import FrameStacked as FrameStacked
    from .interventions import Edited as Edited, Edits as Edits, play_edited as play_edited
    from .methods.budget import BudgetExceeded as BudgetExceeded
    from .methods.registry import Method as Method, method_named as method_named
    from .methods.task import TrainingTask as TrainingTask, TaskError as TaskError, TaskSpec as TaskSpec
    from .named_code import load_code as load_code
    from .normalized import Normalized as Normalized
    from .policy.checkpoint import (
        AgentCard as AgentCard,
        CheckpointError as CheckpointError,
        load_policy as load_policy,
    )
    from .policy.ensemble_agent import EnsembleAgent as EnsembleAgent
    from .policy.loading import load_agent as load_agent, load_input_support as load_input_support
    from .policy.policy_agent import PolicyAgent as PolicyAgent
    from .ppo.training import (
        PPOSettings as PPOSettings,
        Progress as Progress,
        Training as Training,
        TrainingDiverged as TrainingDiverged,
        TrainingProgress as TrainingProgress,
    )
    from .rollout import Agent as Agent, Played as Played, play as play
    from .sb3_vec_env import GoalpostsVecEnv as GoalpostsVecEnv
    from .scripted import (
        GoToGoal as GoToGoal,
        GoToProxy as GoToProxy,
        Mixture as Mixture,
        Noisy as Noisy,
        Random as Random,
        Scripted as Scripted,
        scripted_agents as scripted_agents,
    )

__getattr__, __all__ = lazy_exports(__name__)
