package conventions_test

import (
	"strings"
	"testing"

	"github.com/lossgen/lossgen/conventions"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/all"
)

// Calls are read as Python writes them, and told in one form.
func TestRead(t *testing.T) {
	for text, want := range map[string]string{
		"keras.losses.Huber(delta=0.5)":                           "keras.losses.Huber(delta=0.5)",
		" tf.keras.losses.Huber( 0.5 , reduction = 'sum' ) ":      "keras.losses.Huber(delta=0.5, reduction='sum')",
		"keras.losses.Huber":                                      "keras.losses.Huber()",
		"keras.losses.Huber(delta=1.0, name=None)":                "keras.losses.Huber()",
		"optax.losses.l2_loss()":                                  "optax.l2_loss()",
		"keras.losses.BinaryCrossentropy(from_logits=1)":          "keras.losses.BinaryCrossentropy(from_logits=1)",
		"sklearn.metrics.brier_score_loss(labels=(0, 1, 2),)":     "sklearn.metrics.brier_score_loss(labels=[0, 1, 2])",
		`xgboost.objective("multi:softprob")`:                     "xgboost.objective('multi:softprob')",
		"paddle.nn.functional.log_loss(epsilon=1e-4)":             "paddle.nn.functional.log_loss()",
		"keras.losses.SparseCategoricalCrossentropy(False, None)": "keras.losses.SparseCategoricalCrossentropy()",
	} {
		like, err := conventions.Read(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if like.Text != want {
			t.Errorf("%s: %s, want %s", text, like.Text, want)
		}
	}
}

// What is wrong with a call is said in one line.
func TestReadRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                                                     "want a name",
		"keras.losses.Hubr()":                                  "did you mean keras.losses.huber",
		"os.system('x')":                                       `no call "os.system" is known`,
		"keras.losses.Huber(":                                  "want a value",
		"keras.losses.Huber(delta=0.5":                         "want , or )",
		"keras.losses.Huber(delta=x)":                          `"x" is no literal`,
		"keras.losses.Huber(delta=f(1))":                       `"f" is no literal`,
		"keras.losses.Huber(delta=1+1)":                        `"1+1" is no number`,
		"keras.losses.Huber(delta=0.5)(t, p)":                  "nothing may follow",
		"keras.losses.Huber(delta='0.5')":                      "want a number",
		"keras.losses.Huber(delta=1, delta=2)":                 "given twice",
		"keras.losses.Huber(1, delta=2)":                       "given twice",
		"keras.losses.Huber(delta=1, 2)":                       "stands behind one with a name",
		"keras.losses.Huber(width=1)":                          `no argument "width"`,
		"keras.losses.Huber(y_true=1)":                         "arrays are left out",
		"keras.losses.Huber(1, 2, 3, 4, 5)":                    "takes 4 arguments",
		"keras.losses.Huber(reduction='avg')":                  `reduction is "avg"`,
		"keras.losses.Huber(name='a\\n')":                      "no escapes",
		"keras.losses.Huber(delta=[[[[[1]]]]])":                "more than 4 deep",
		"xgboost.objective()":                                  "needs a name first",
		"keras.losses.CosineSimilarity(axis=0)":                "only -1 is known",
		"keras.losses.CTC()":                                   "cannot be reproduced",
		"keras.losses.Huber(\xff)":                             "not UTF-8",
		"k(" + strings.Repeat("1,", 2000) + ")":                "want at most",
		"keras.losses.Huber(" + strings.Repeat("1,", 50) + ")": "more than 40 arguments",
	} {
		_, err := conventions.Read(text)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.60q: %v, want %q", text, err, want)
		}
	}
}

// Weights bring what the framework divides by.
func TestWeights(t *testing.T) {
	for call, want := range map[string]string{
		"keras.losses.MeanSquaredError()":                                    `{"call":"keras.losses.MeanSquaredError()","inputs":{"target":"y_true","input":"y_pred","sample_weight":"sample_weight"}}`,
		"keras.losses.MeanSquaredError(reduction='mean_with_sample_weight')": `"normalizer":"np.sum(sample_weight)","sample_weight":"sample_weight"`,
		"tf.compat.v1.losses.mean_squared_error()":                           `"mask":"weights != 0","sample_weight":"weights"`,
	} {
		like, err := conventions.Read(call)
		if err != nil {
			t.Fatal(err)
		}
		r, err := like.Request(losses.Request{Catalog: all.Losses(), With: []string{"sample_weight"}})
		if err != nil {
			t.Fatal(err)
		}
		plan, err := r.Resolve()
		if err != nil {
			t.Fatal(err)
		}
		if text, err := like.Metadata(plan); err != nil || !strings.Contains(text, want) {
			t.Errorf("%s: %s, %v, want %s", call, text, err, want)
		}
	}
	like, err := conventions.Read("optax.l2_loss()")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := like.Request(losses.Request{Catalog: all.Losses(), With: []string{"sample_weight"}}); err == nil {
		t.Error("optax has no weights")
	}
}

// The classes of frameworks are last, which is told where it makes a difference.
func TestClassesLast(t *testing.T) {
	like, err := conventions.Read("keras.losses.SparseCategoricalCrossentropy(from_logits=True)")
	if err != nil {
		t.Fatal(err)
	}
	r, err := like.Request(losses.Request{Catalog: all.Losses(), Shapes: map[string]string{"input": "N,T,C"}})
	if err != nil || r.Options["class_axis"] != "last" {
		t.Errorf("%v, %v", r.Options, err)
	}
}
