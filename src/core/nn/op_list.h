#ifndef MMN_NN_OP_LIST_H
#define MMN_NN_OP_LIST_H

#include "nn/op.h"

/* Every operator there is; op.c makes the table of it. */
#define MMN_OP_LIST                                                            \
	MMN_OP(conv)                                                               \
	MMN_OP(gemm)                                                               \
	MMN_OP(matmul)                                                             \
	MMN_OP(relu)                                                               \
	MMN_OP(clip)                                                               \
	MMN_OP(leaky_relu)                                                         \
	MMN_OP(elu)                                                                \
	MMN_OP(sigmoid)                                                            \
	MMN_OP(hard_sigmoid)                                                       \
	MMN_OP(hard_swish)                                                         \
	MMN_OP(softplus)                                                           \
	MMN_OP(tanh)                                                               \
	MMN_OP(erf)                                                                \
	MMN_OP(exp)                                                                \
	MMN_OP(log)                                                                \
	MMN_OP(sqrt)                                                               \
	MMN_OP(reciprocal)                                                         \
	MMN_OP(abs)                                                                \
	MMN_OP(neg)                                                                \
	MMN_OP(floor)                                                              \
	MMN_OP(ceil)                                                               \
	MMN_OP(round)                                                              \
	MMN_OP(sign)                                                               \
	MMN_OP(selu)                                                               \
	MMN_OP(celu)                                                               \
	MMN_OP(thresholded_relu)                                                   \
	MMN_OP(softsign)                                                           \
	MMN_OP(add)                                                                \
	MMN_OP(sub)                                                                \
	MMN_OP(mul)                                                                \
	MMN_OP(div)                                                                \
	MMN_OP(pow)                                                                \
	MMN_OP(prelu)                                                              \
	MMN_OP(sum)                                                                \
	MMN_OP(mean)                                                               \
	MMN_OP(max)                                                                \
	MMN_OP(min)                                                                \
	MMN_OP(where)                                                              \
	MMN_OP(max_pool)                                                           \
	MMN_OP(average_pool)                                                       \
	MMN_OP(global_average_pool)                                                \
	MMN_OP(global_max_pool)                                                    \
	MMN_OP(reduce_mean)                                                        \
	MMN_OP(reduce_sum)                                                         \
	MMN_OP(reduce_max)                                                         \
	MMN_OP(reduce_min)                                                         \
	MMN_OP(reduce_prod)                                                        \
	MMN_OP(reduce_l1)                                                          \
	MMN_OP(reduce_l2)                                                          \
	MMN_OP(reduce_sum_square)                                                  \
	MMN_OP(reduce_log_sum)                                                     \
	MMN_OP(batch_normalization)                                                \
	MMN_OP(instance_normalization)                                             \
	MMN_OP(layer_normalization)                                                \
	MMN_OP(lrn)                                                                \
	MMN_OP(softmax)                                                            \
	MMN_OP(log_softmax)                                                        \
	MMN_OP(concat)                                                             \
	MMN_OP(split)                                                              \
	MMN_OP(slice)                                                              \
	MMN_OP(pad)                                                                \
	MMN_OP(transpose)                                                          \
	MMN_OP(expand)                                                             \
	MMN_OP(gather)                                                             \
	MMN_OP(depth_to_space)                                                     \
	MMN_OP(space_to_depth)                                                     \
	MMN_OP(tile)                                                               \
	MMN_OP(resize)                                                             \
	MMN_OP(upsample)                                                           \
	MMN_OP(flatten)                                                            \
	MMN_OP(reshape)                                                            \
	MMN_OP(squeeze)                                                            \
	MMN_OP(unsqueeze)                                                          \
	MMN_OP(identity)                                                           \
	MMN_OP(dropout)                                                            \
	MMN_OP(constant)                                                           \
	MMN_OP(constant_of_shape)                                                  \
	MMN_OP(size)                                                               \
	MMN_OP(range)                                                              \
	MMN_OP(equal)                                                              \
	MMN_OP(greater)                                                            \
	MMN_OP(greater_or_equal)                                                   \
	MMN_OP(less)                                                               \
	MMN_OP(less_or_equal)                                                      \
	MMN_OP(and)                                                                \
	MMN_OP(or)                                                                 \
	MMN_OP(not)                                                                \
	MMN_OP(shape)                                                              \
	MMN_OP(cast)

/* Those that no file can ask for: the planner makes such steps (compose.c, layout.c). */
#define MMN_OP_OWN_LIST                                                        \
	MMN_OP(gelu)                                                               \
	MMN_OP(block)                                                              \
	MMN_OP(unblock)                                                            \
	MMN_OP(blocked_conv)                                                       \
	MMN_OP(blocked_pool)                                                       \
	MMN_OP(blocked_global)                                                     \
	MMN_OP(blocked_scale)                                                      \
	MMN_OP(blocked_norm)                                                       \
	MMN_OP(blocked_binary)                                                     \
	MMN_OP(blocked_concat)

#define MMN_OP(symbol) extern const mmn_op mmn_op_##symbol;
MMN_OP_LIST
MMN_OP_OWN_LIST
#undef MMN_OP

#endif
