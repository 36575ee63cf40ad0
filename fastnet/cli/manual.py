"""Descriptions and examples for the `--help` of each command."""
from __future__ import annotations

__all__ = [
    "EVALUATE",
    "EVALUATE_EXAMPLES",
    "EXAMPLES",
    "EXPLAIN",
    "EXPLAIN_EXAMPLES",
    "EXPORT",
    "EXPORT_EXAMPLES",
    "GENERATE",
    "GENERATE_EXAMPLES",
    "INFO",
    "INFO_EXAMPLES",
    "PREDICT",
    "PREDICT_EXAMPLES",
    "QUANTIZE",
    "QUANTIZE_EXAMPLES",
    "RUN",
    "RUN_EXAMPLES",
    "RUN_ONNX",
    "RUN_ONNX_EXAMPLES",
    "TRAIN",
    "TRAIN_EXAMPLES",
    "TRANSCRIBE",
    "TRANSCRIBE_EXAMPLES",
    "TRANSLATE",
    "TRANSLATE_EXAMPLES",
    "TUNE",
    "TUNE_EXAMPLES",
]

TRAIN = """\
Train a model on a data set, a table or a folder of images or recordings, and
test it on held-out rows.

DATA is one of
  digits, mnist, fashion_mnist, kmnist, cifar10
                  a data set of images (downloaded when first used, except digits)
  fsdd            the Free Spoken Digit Dataset (not downloaded)
  shakespeare, multi30k
                  a text, and pairs of sentences (not downloaded)
  a file          a table: .csv, .tsv or .txt, also with .gz; .parquet or .pq;
                  - reads CSV from standard input
  a file of text, with --model gpt
  a folder        images in one folder per class, such as photos/cat/1.jpg, or
                  recordings, such as words/yes/1.wav

For a table, the target column decides between classification and regression.
Categories, dates, text and missing values are converted to numbers; the output
shows how each column was read. The test rows are used only once, after the
training. --save keeps the model, with everything that predict needs.

A convolutional network (--model resnet18) has its own defaults for each kind of
data: 10 epochs for mnist, fashion_mnist and kmnist, 25 for cifar10, 40 for a
folder; images are cropped, flipped or shifted at random. Its square images are
the centres of those of a folder; below 64 pixels, networks that have a variant
for small images use it. --pretrained FILE begins with trained weights.

--time COLUMN with --model lstm, tcn or linear forecasts the next values of a
table's target, and compares the forecasts with the last value, the value of a
season before and a linear model.

Recordings are WAV files of one channel and one rate; with soundfile installed,
also FLAC, MP3, Ogg, Opus and AIFF files. A model sees the logarithm of their mel
spectrogram, 50 frames a second; of a folder, the first second of each recording.
--model kws, or ds_cnn, is a small network for keywords, and --model gru_kws a
recurrent one; their training recordings are shifted, get noise, and lose random
bands.

--model ctc learns to transcribe speech: strings of the digits of fsdd, or a
folder of WAV files with a file of transcripts beside them, such as
transcripts.csv (file_name,text), or metadata.csv or transcripts.txt (id|text).

--model gpt learns to continue a text, character by character, or with
--vocab-size in pieces of words; the end of the text is held out. --model
transformer learns to translate Multi30k from German to English.
"""
PREDICT = """\
Predict the class or the value of images, recordings, or each row of tables, with
a model that `fastnet train --save` wrote. For images and recordings it prints one
line per file; for tables, and with --proba or --output, it writes CSV. A model of a
time series forecasts the rows after the last one of a table.
"""
EVALUATE = """\
Measure a model that `fastnet train --save` wrote: on the test part of a built-in
data set, or on all rows of a table, or all images or recordings of a folder.
"""
EXPLAIN = """\
Show what the prediction of a model that `fastnet train --save` wrote depends on:
the parts of an image or a spectrogram, or the columns that decided a row of a
table, with the share of each. --plot draws them.
"""
TRANSCRIBE = """\
Write down what is said in recordings, with a model that `fastnet train DATA
--model ctc --save` wrote: one line per file, or CSV with --output.
"""
GENERATE = """\
Continue a text with a model that `fastnet train --model gpt --save` wrote.
"""
TRANSLATE = """\
Translate sentences with a model that `fastnet train --model transformer --save`
wrote, by beam search: a sentence, the lines of a file, or standard input.
"""
EXPORT = """\
Write a saved model as an ONNX file, for ONNX Runtime and other engines, or as C,
for microcontrollers. An ONNX file holds the network; inputs must be prepared as in
training (`fastnet info MODEL`). C also holds the preparation of a table's row and
the names of classes; the RAM that it needs is printed.
"""
QUANTIZE = """\
Make a model that `fastnet train --save` wrote smaller, and print its accuracy,
size and speed before and after, and the error of each layer. predict, evaluate
and generate read the new file. Layers that would be slower in int8 stay float32.
"""
INFO = """\
Show the backend, the instruction set, the threads and the versions in use; or,
for a saved model, its architecture, its data and how it was trained.
"""
LAUNCH = """\
Run a Python program as N ranks on this machine, which train one model together:
see fastnet.distributed. If a rank fails, all ranks end. On several machines, use
mpirun, for `fastnet train`, too: mpirun -n 4 fastnet train ...
"""
RUN = """\
Run a program that is written for PyTorch on fastnet, without a changed line: in
this process, and in processes that it starts, `import torch` is fastnet.torch.
An installed PyTorch is not imported.
"""
RUN_ONNX = """\
Show the inputs and outputs of an ONNX file, run it on arrays or images, and print
or write its outputs. --time measures it; fastnet needs no ONNX Runtime.
"""
TUNE = """\
Search the settings of `fastnet train` with the lowest validation loss: learning
rate, batch size, weight decay, dropout, and the number and size of hidden layers.
DATA and all other options are those of `fastnet train`; a setting that is given is
fixed. Trials that are worse than the median of the others after the same epoch are
ended early. Then the model of the best trial is trained again, with the same bits,
tested, and saved with --save.

--study keeps the trials in a file; the same command continues an interrupted
search. --plot draws the trials, and --report writes them as JSON. It needs Optuna.
"""
TRAIN_EXAMPLES = """examples:
  fastnet train digits                     train on scikit-learn's small digits, in seconds
  fastnet train mnist --save m.safetensors --plot curve.png
  fastnet train flowers.csv --target species --save flowers.safetensors
  fastnet train prices.parquet --hidden 64,64 --optimizer sgd --lr 0.05 --epochs 100 --patience 10
  fastnet train customers.csv --target left --leave-out left_on --kind zip=category --class-weight balanced
  fastnet train sales.csv --target sold --target returned --split time
  fastnet train load.csv --time hour --model lstm --horizon 24
  fastnet train photos --size 64           train on photos/cat/1.jpg, photos/dog/2.jpg, ...
  fastnet train mnist --model lenet5
  fastnet train cifar10 --model resnet18 --save resnet.safetensors
  fastnet train photos --model mobilenet_v2 --augment randaugment --label-smoothing --ema
  fastnet train fsdd --model kws --save digits.safetensors
  fastnet train shakespeare --save shakespeare.safetensors
  fastnet train book.txt --model gpt --steps 5000 --save book.safetensors
  fastnet train multi30k --save translator.safetensors --resume run
  fastnet train speech --model ctc --save speech.safetensors
  fastnet train mnist --resume run         save checkpoints in run/; run again to continue from there
"""
TUNE_EXAMPLES = """examples:
  fastnet tune flowers.csv --trials 50 --save flowers.safetensors
  fastnet tune prices.csv --study prices.study --plot trials.png --report trials.json
  fastnet tune prices.csv --batch-size 64 --dropout 0 --timeout 600
"""
PREDICT_EXAMPLES = """examples:
  fastnet predict m.safetensors digit.png another.png
  fastnet predict photos.safetensors new/*.jpg --proba --output answers.csv
  fastnet predict digits.safetensors *.wav
  fastnet predict flowers.safetensors new.csv --proba --keep id --output answers.csv
"""
EXPLAIN_EXAMPLES = """examples:
  fastnet explain photos.safetensors cat.jpg --plot why.png
  fastnet explain photos.safetensors cat.jpg --class dog --method grad_cam --plot why.png
  fastnet explain flowers.safetensors new.csv --row 3
"""
TRANSCRIBE_EXAMPLES = """examples:
  fastnet transcribe digits.safetensors *.wav
  fastnet transcribe speech.safetensors call.mp3 --convert --output call.csv
"""
EVALUATE_EXAMPLES = """examples:
  fastnet evaluate m.safetensors mnist
  fastnet evaluate flowers.safetensors more_flowers.csv
"""
GENERATE_EXAMPLES = """examples:
  fastnet generate shakespeare.safetensors --prompt "ROMEO:" --length 300
  fastnet generate book.safetensors --temperature 1 --top-p 0.9 --seed 5
"""
TRANSLATE_EXAMPLES = """examples:
  fastnet translate translator.safetensors "Ein Hund rennt durch den Schnee."
  fastnet translate translator.safetensors sentences.txt --output english.txt
  cat sentences.txt | fastnet translate translator.safetensors --beams 1
"""
EXPORT_EXAMPLES = """examples:
  fastnet export flowers.safetensors --to c --max-ram 16k -o flowers.c
  fastnet export flowers.safetensors --to onnx
  fastnet export network.safetensors --to onnx --shape 3,32,32 --output network.onnx
"""
QUANTIZE_EXAMPLES = """examples:
  fastnet quantize digits.safetensors -o digits8.safetensors
  fastnet quantize photos.safetensors --data photos --calibration Entropy -o photos8.safetensors
  fastnet quantize resnet.safetensors --scheme qat --epochs 5 -o resnet8.safetensors
  fastnet quantize book.safetensors --data book.txt --bits 4 --method gptq -o book4.safetensors
"""
LAUNCH_EXAMPLES = """examples:
  fastnet launch --nproc 4 train.py --epochs 3
  fastnet launch --nproc 2 -m fastnet train digits --model resnet8 --shards 2
"""
INFO_EXAMPLES = """examples:
  fastnet info                             show the backend, instruction set, threads and versions
  fastnet info m.safetensors               show what the model is and how it was trained
"""
RUN_ONNX_EXAMPLES = """examples:
  fastnet run-onnx model.onnx              show the inputs and outputs
  fastnet run-onnx model.onnx inputs.npz --output outputs.npz
  fastnet run-onnx classifier.onnx *.jpg --time
  fastnet run-onnx model.onnx --time --shape x=1,3,224,224
"""
RUN_EXAMPLES = """examples:
  fastnet run train.py --epochs 3          run train.py with the argument --epochs 3
  fastnet run --check train.py             list the names that fastnet lacks, with their lines
  fastnet run --check programs             the same for all Python files of a folder
"""
EXAMPLES = """examples:
  fastnet train digits                     train on scikit-learn's small digits, in seconds
  fastnet train flowers.csv --save flowers.safetensors
  fastnet predict flowers.safetensors new.csv
  fastnet evaluate flowers.safetensors more_flowers.csv
  fastnet info                             show the backend, instruction set, threads and versions
  fastnet run train.py                     run a program that is written for PyTorch

`fastnet COMMAND --help` lists the options of a command.
"""
