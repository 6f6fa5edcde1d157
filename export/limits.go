package export

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// maxParts bounds the messages and names in a file: an empty one takes two bytes
// there, and some hundred once it is read. Networks of many layers have a tenth.
const maxParts = 500_000

// level describes a message as far as its parts are counted: by the numbers of
// its fields, the messages inside, and what is refused.
type level struct {
	inside map[uint64]*level
	refuse map[uint64]string
}

// levels returns the description of ModelProto.
func levels() *level {
	graph := &level{}
	value := &level{inside: map[uint64]*level{2: {inside: map[uint64]*level{1: {inside: map[uint64]*level{2: {inside: map[uint64]*level{1: {}}}}}}}}}
	attribute := &level{inside: map[uint64]*level{6: graph}, refuse: map[uint64]string{
		10: "a list of tensors", 11: "a list of graphs", 14: "a type", 15: "a list of types", 22: "a sparse tensor", 23: "a list of sparse tensors",
	}}
	node := &level{inside: map[uint64]*level{5: attribute}}
	graph.inside = map[uint64]*level{1: node, 5: {}, 11: value, 12: value, 13: value}
	graph.refuse = map[uint64]string{15: "sparse initializers"}
	function := &level{inside: map[uint64]*level{7: node, 9: {}, 11: attribute}}
	return &level{inside: map[uint64]*level{7: graph, 8: {}, 14: {}, 25: function}}
}

// counter counts the parts of a message, and of those inside.
type counter struct{ parts int }

// errParts stands for any file with too many parts.
var errParts = fmt.Errorf("the model has more than %d nodes, names and other parts: want fewer", maxParts)

func (c *counter) count(message []byte, l *level, depth int) error {
	for len(message) > 0 {
		number, body, rest, err := field(message)
		if err != nil {
			return err
		}
		message = rest
		if what := l.refuse[number]; what != "" {
			return fmt.Errorf("the model has %s, which are not supported", what)
		}
		if body == nil {
			continue
		}
		if c.parts++; c.parts > maxParts {
			return errParts
		}
		// Depths beyond those of subgraphs that may nest have their own error.
		if inner := l.inside[number]; inner != nil && depth < 10*(maxDepth+2) {
			if err := c.count(body, inner, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

var errWire = errors.New("a field of unknown kind")

// field splits the first field off a message. A field that is a number has no
// body.
func field(message []byte) (number uint64, body, rest []byte, err error) {
	tag, n := binary.Uvarint(message)
	if n <= 0 {
		return 0, nil, nil, io.ErrUnexpectedEOF
	}
	message = message[n:]
	size, isBody := uint64(0), false
	switch tag & 7 {
	case 0:
		_, n := binary.Uvarint(message)
		if n <= 0 {
			return 0, nil, nil, io.ErrUnexpectedEOF
		}
		size = uint64(n)
	case 1:
		size = 8
	case 2:
		length, n := binary.Uvarint(message)
		if n <= 0 {
			return 0, nil, nil, io.ErrUnexpectedEOF
		}
		message, size, isBody = message[n:], length, true
	case 5:
		size = 4
	default:
		return 0, nil, nil, errWire
	}
	if size > uint64(len(message)) {
		return 0, nil, nil, io.ErrUnexpectedEOF
	}
	if isBody {
		body = message[:size:size]
	}
	return tag >> 3, body, message[size:], nil
}
