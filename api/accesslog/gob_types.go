// SPDX-License-Identifier: Apache-2.0

package accesslog

// Ids of types that streams do not define: see encoding/gob, "Encoding Details".
const (
	gobBool           = 1
	gobInt            = 2
	gobUint           = 3
	gobFloat          = 4
	gobBytes          = 5
	gobString         = 6
	gobComplex        = 7
	gobInterface      = 8
	gobTypeDefinition = 16
	gobArrayID        = 17
	gobCommonID       = 18
	gobSliceID        = 19
	gobStructID       = 20
	gobFieldID        = 21
	gobFieldsID       = 22
	gobMapID          = 23
	gobEncoderID      = 24

	minGobTypeID = 64
)

// gobType is the definition of a type. One of its fields is not nil; the names of these, and
// of those below, are those of the stream.
type gobType struct {
	ArrayT  *gobList
	SliceT  *gobList
	StructT *gobStruct
	MapT    *gobMap

	// Types with a method that encodes their values.
	GobEncoderT, BinaryMarshalerT, TextMarshalerT *struct{}
}

type gobList struct{ Elem int }

type gobStruct struct{ Field []gobField }

type gobField struct {
	Name string
	ID   int
}

type gobMap struct{ Key, Elem int }

// gobDefinitions are the types that definitions are made of.
var gobDefinitions = map[int]*gobType{
	gobTypeDefinition: structOf(
		gobField{"ArrayT", gobArrayID}, gobField{"SliceT", gobSliceID}, gobField{"StructT", gobStructID}, gobField{"MapT", gobMapID},
		gobField{"GobEncoderT", gobEncoderID}, gobField{"BinaryMarshalerT", gobEncoderID}, gobField{"TextMarshalerT", gobEncoderID},
	),
	gobArrayID:   structOf(gobField{"CommonType", gobCommonID}, gobField{"Elem", gobInt}, gobField{"Len", gobInt}),
	gobCommonID:  structOf(gobField{"Name", gobString}, gobField{"Id", gobInt}),
	gobSliceID:   structOf(gobField{"CommonType", gobCommonID}, gobField{"Elem", gobInt}),
	gobStructID:  structOf(gobField{"CommonType", gobCommonID}, gobField{"Field", gobFieldsID}),
	gobFieldID:   structOf(gobField{"Name", gobString}, gobField{"ID", gobInt}),
	gobFieldsID:  {SliceT: &gobList{gobFieldID}},
	gobMapID:     structOf(gobField{"CommonType", gobCommonID}, gobField{"Key", gobInt}, gobField{"Elem", gobInt}),
	gobEncoderID: structOf(gobField{"CommonType", gobCommonID}),
}

func structOf(fields ...gobField) *gobType { return &gobType{StructT: &gobStruct{fields}} }
