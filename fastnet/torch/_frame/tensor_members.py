"""Names of PyTorch's Tensor that no other class in common use has, for `fastnet run --check`."""
from __future__ import annotations

__all__ = ["certain_member"]

# Without those that strings, containers, files, NumPy, pandas, modules and optimizers have, too.
_METHODS = """
    addbmm addcdiv addcmul addmm addmv addr adjoint aminmax as_strided as_strided_scatter as_subclass baddbmm
    bernoulli bmm ccol_indices cfloat chalf cholesky_inverse cholesky_solve clamp clamp_max clamp_min clone
    col_indices conj_physical const_data_ptr contiguous crow_indices data_ptr dense_dim dequantize diag_embed
    diagonal_scatter digamma dim_order element_size erfinv expand_as geqrf ger grad_dtype grad_fn hardshrink histc
    igamma igammac index_add index_copy index_fill index_put index_reduce index_select int_repr is_coalesced is_conj
    is_contiguous is_cpu is_cuda is_distributed is_inference is_ipu is_leaf is_maia is_meta is_mkldnn is_mps is_mtia
    is_neg is_nested is_nonzero is_pinned is_quantized is_same_size is_set_to is_shared is_sparse is_sparse_csr
    is_vulkan is_xla is_xpu istft kthvalue lerp log_softmax logcumsumexp logdet logit logsumexp lstsq lu_solve mH
    masked_fill masked_scatter masked_select matrix_exp matrix_power movedim msort mvlgamma narrow_copy ndimension
    nelement new_empty new_empty_strided new_full new_ones new_tensor new_zeros nonzero_static numel orgqr ormqr
    output_nr permute pin_memory pinverse polygamma prelu q_per_channel_axis q_per_channel_scales
    q_per_channel_zero_points q_scale q_zero_point qscheme record_stream register_hook
    register_post_accumulate_grad_hook renorm repeat_interleave reshape_as resize_as resolve_conj resolve_neg
    retain_grad retains_grad row_indices rsqrt scatter_add scatter_reduce select_scatter sgn slice_inverse
    slice_scatter slogdet smm softmax sparse_dim sparse_mask split_with_sizes sspaddmm stft storage_offset
    storage_type sum_to_size swapdims take_along_dim tensor_split to_dense to_mkldnn to_padded_tensor to_sparse
    to_sparse_bsc to_sparse_bsr to_sparse_coo to_sparse_csc to_sparse_csr topk triangular_solve type_as unbind
    unflatten unfold unique_consecutive unsafe_chunk unsafe_split unsafe_split_with_sizes unsqueeze untyped_storage
    view_as xlogy
"""
_WRITES = """
    abs absolute acos acosh add addbmm addcdiv addcmul addmm addmv addr arccos arccosh arcsin arcsinh arctan arctan2
    arctanh as_strided asin asinh atan atan2 atanh baddbmm bernoulli bitwise_and bitwise_left_shift bitwise_not
    bitwise_or bitwise_right_shift bitwise_xor cauchy ceil clamp clamp_max clamp_min clip conj_physical copy
    copysign cos cosh cumprod cumsum deg2rad detach digamma div divide eq erf erfc erfinv exp exp2 expm1 exponential
    fill fill_diagonal float_power floor floor_divide fmod frac gcd ge geometric greater greater_equal gt heaviside
    hypot i0 igamma igammac index_add index_copy index_fill index_put index_reduce lcm ldexp le lerp less less_equal
    lgamma log log10 log1p log2 log_normal logical_and logical_not logical_or logical_xor logit lt map2 masked_fill
    masked_scatter mul multiply mvlgamma nan_to_num ne neg negative nextafter normal not_equal polygamma pow put
    rad2deg random reciprocal relu remainder renorm resize resize_as resize_as_sparse round rsqrt scatter
    scatter_add scatter_reduce sgn share_memory sigmoid sign sin sinc sinh sparse_resize sparse_resize_and_clear
    sqrt square squeeze sub subtract swapaxes swapdims t tan tanh transpose tril triu true_divide trunc uniform
    unsqueeze xlogy zero
"""
_CERTAIN = frozenset([*_METHODS.split(), *(f"{name}_" for name in _WRITES.split())])


def certain_member(name: str) -> bool:
    """Whether an attribute of this name belongs to a tensor, whatever the object is.

    Example:
        >>> from fastnet.torch._frame.tensor_members import certain_member
        >>> certain_member("index_add_"), certain_member("append")
        (True, False)
    """
    return name in _CERTAIN
