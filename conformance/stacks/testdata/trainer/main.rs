mod digits_train;

use digits_train::{Array, Trainer, Values};

fn read<const N: usize, T>(path: &str, of: impl Fn([u8; N]) -> T) -> Vec<T> {
    std::fs::read(path).unwrap().chunks_exact(N).map(|b| of(b.try_into().unwrap())).collect()
}

fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).map(|a| a.parse().unwrap()).collect();
    let (steps, batch) = (numbers[0], numbers[1]);
    let (x, y) = (read("x.bin", f32::from_le_bytes), read("y.bin", i64::from_le_bytes));
    let environment = ort::init().build().unwrap();
    let mut trainer = Trainer::open(&environment, 1).unwrap();
    let shapes = [[batch, 64], [batch, 0]];
    let at = |i: usize| {
        [
            ("x", Array::F32(&x[i * batch * 64..(i + 1) * batch * 64]), &shapes[0][..]),
            ("target", Array::I64(&y[i * batch..(i + 1) * batch]), &shapes[1][..1]),
        ]
    };
    let losses: Vec<String> = (0..steps).map(|i| format!("{}\n", trainer.step(&at(i)).unwrap())).collect();
    std::fs::write("losses.txt", losses.concat()).unwrap();
    trainer.save("trained.safetensors").unwrap();
    let before = trainer.evaluate(&at(0)).unwrap();
    let rate = trainer.get("lr").unwrap().clone();
    trainer.set("lr", Values::F32(vec![0.0])).unwrap();
    trainer.step(&at(0)).unwrap(); // which leaves all values as they are
    assert_eq!(trainer.evaluate(&at(0)).unwrap(), before);
    trainer.load("trained.safetensors").unwrap();
    assert_eq!(trainer.evaluate(&at(0)).unwrap(), before);
    assert_eq!(trainer.get("lr").unwrap(), &rate);
    std::fs::write("evaluated.txt", format!("{before}\n")).unwrap();
    let labels = vec![0i32; batch];
    let mut wrong = at(0);
    wrong[1].1 = Array::I32(&labels);
    assert!(trainer.step(&wrong).is_err());
    assert!(trainer.step(&wrong[..1]).is_err());
    assert!(trainer.set("lr", Values::F64(vec![0.0])).is_err());
}
