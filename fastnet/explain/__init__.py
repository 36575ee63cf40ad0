"""Reasons for a prediction: which inputs it depends on, with Captum's names and arguments."""
from fastnet.explain.ablation import FeatureAblation, FeaturePermutation
from fastnet.explain.attribution import Attribution
from fastnet.explain.deep_lift import DeepLift, DeepLiftShap
from fastnet.explain.grad_cam import GuidedGradCam, LayerGradCam
from fastnet.explain.gradient_shap import GradientShap
from fastnet.explain.guided import Deconvolution, GuidedBackprop
from fastnet.explain.importance import Importance, permutation_importance
from fastnet.explain.integrated_gradients import IntegratedGradients
from fastnet.explain.noise import NoiseTunnel, SmoothGrad
from fastnet.explain.occlusion import Occlusion
from fastnet.explain.plotting import plot
from fastnet.explain.prediction import predict
from fastnet.explain.saliency import InputXGradient, Saliency
from fastnet.explain.sanity import SanityReport, check

__all__ = ["Attribution", "Deconvolution", "DeepLift", "DeepLiftShap", "FeatureAblation", "FeaturePermutation",
           "GradientShap", "GuidedBackprop", "GuidedGradCam", "Importance", "InputXGradient", "IntegratedGradients",
           "LayerGradCam", "NoiseTunnel", "Occlusion", "Saliency", "SanityReport", "SmoothGrad", "check",
           "permutation_importance", "plot", "predict"]
