package builder

// gradient is a rule that a composite declares: the gradients of its arguments,
// given the gradient of its value.
type gradient func(dy Value) []Value

// WithGradient returns value, a function of args that was built from ordinary
// nodes, with a gradient of its own: where [Grad] meets it, it applies the rule
// instead of differentiating the nodes. Declare one where the derived gradient
// is unstable, slower, or not what PyTorch does.
//
// The rule may use any value of the graph, such as intermediate results of
// value. It returns one gradient per argument, which must broadcast to the
// argument's shape; dy may be of rank 0, or have size 1 along some axes, where
// it is the same for all elements. name says what the function is; equal values
// with equal names and arguments are one.
func WithGradient(name string, value Value, args []Value, rule func(dy Value) []Value) Value {
	if value.IsZero() {
		fail(name, nil, "a composite needs a value")
	}
	if value.b.options.derived {
		return value
	}
	return emit("Composite", attr{name: name, custom: rule}, append(vs(value), args...)...)
}
