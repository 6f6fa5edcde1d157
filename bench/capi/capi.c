/* Times bound runs of cross_entropy's file at 64x10 through ONNX Runtime's C API:

       capi LIBRARY FILE THREADS ROUNDS

   prints the shortest mean of 1000 runs, in nanoseconds. */

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "onnxruntime_c_api.h"

enum { ROWS = 64, CLASSES = 10, RUNS = 1000 };

static const OrtApi *api;

static void must(OrtStatus *status) {
  if (status != NULL) {
    fprintf(stderr, "%s\n", api->GetErrorMessage(status));
    exit(1);
  }
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

static OrtValue *tensor(OrtMemoryInfo *memory, void *data, size_t bytes, const int64_t *dims, size_t rank,
                        ONNXTensorElementDataType type) {
  OrtValue *value;
  must(api->CreateTensorWithDataAsOrtValue(memory, data, bytes, dims, rank, type, &value));
  return value;
}

static OrtSession *open_session(const char *library, const char *file, int threads) {
  void *handle = dlopen(library, RTLD_NOW);
  if (handle == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    exit(1);
  }
  const OrtApiBase *(*base)(void) = (const OrtApiBase *(*)(void))dlsym(handle, "OrtGetApiBase");
  api = base()->GetApi(ORT_API_VERSION);
  OrtEnv *env;
  OrtSessionOptions *options;
  OrtSession *session;
  must(api->CreateEnv(ORT_LOGGING_LEVEL_FATAL, "capi", &env));
  must(api->CreateSessionOptions(&options));
  must(api->SetIntraOpNumThreads(options, threads));
  must(api->SetSessionGraphOptimizationLevel(options, ORT_ENABLE_ALL));
  must(api->CreateSession(env, file, options, &session));
  return session;
}

int main(int argc, char **argv) {
  if (argc != 5) {
    fprintf(stderr, "usage: capi LIBRARY FILE THREADS ROUNDS\n");
    return 2;
  }
  OrtSession *session = open_session(argv[1], argv[2], atoi(argv[3]));
  static float input[ROWS * CLASSES], loss, gradient[ROWS * CLASSES];
  static int64_t target[ROWS];
  for (int i = 0; i < ROWS * CLASSES; i++) input[i] = (float)(i % 7) - 3;
  for (int i = 0; i < ROWS; i++) target[i] = i % CLASSES;
  const int64_t dims[] = {ROWS, CLASSES};
  OrtMemoryInfo *memory;
  OrtIoBinding *binding;
  must(api->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &memory));
  must(api->CreateIoBinding(session, &binding));
  const ONNXTensorElementDataType f32 = ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
  must(api->BindInput(binding, "input", tensor(memory, input, sizeof input, dims, 2, f32)));
  must(api->BindInput(binding, "target", tensor(memory, target, sizeof target, dims, 1, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64)));
  must(api->BindOutput(binding, "loss", tensor(memory, &loss, sizeof loss, dims, 0, f32)));
  must(api->BindOutput(binding, "grad_input", tensor(memory, gradient, sizeof gradient, dims, 2, f32)));
  double shortest = 1e30;
  for (int round = 0; round < atoi(argv[4]); round++) {
    double start = now();
    for (int i = 0; i < RUNS; i++) must(api->RunWithBinding(session, NULL, binding));
    double mean = (now() - start) / RUNS;
    if (mean < shortest) shortest = mean;
  }
  printf("%.0f %.6f\n", shortest, loss);
  return 0;
}
