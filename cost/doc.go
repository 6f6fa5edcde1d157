// Package cost says what a run of a model costs, for given sizes: elements and
// bytes that each node moves, an estimated time, and the peak of memory. It
// follows sizes through the graph, does not run it, and reckons with the
// kernels and the memory planning of ONNX Runtime on a processor.
package cost
