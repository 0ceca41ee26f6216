//! The machine of the proofs does what the CPU does, for each form of instruction that the kernels use.

#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use iced_x86::{Code, ConditionCode, FlowControl, Instruction, Mnemonic, OpKind, Register};
use num_traits::ToPrimitive;
use sevcrypt_proof::cpu::{Frame, GENERAL, MEMORY, Trial, redirected};
use sevcrypt_proof::integers;
use sevcrypt_proof::kernels::{features, linked};
use sevcrypt_proof::machine::{Access, Area, AreaId, Context, Program, State, Value, run};
use sevcrypt_proof::word::Word;

/// States that each form is tried on.
const STATES: usize = 1000;

const ZERO: u64 = 1 << 6;
const CARRY: u64 = 1;
const OVERFLOW: u64 = 1 << 11;

/// Numbers without a pattern: splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ x >> 31
    }

    fn word(&mut self) -> u128 {
        u128::from(self.next()) << 64 | u128::from(self.next())
    }

    /// Registers and memory; small and equal numbers are frequent, or flags would hardly vary.
    fn frame(&mut self) -> Frame {
        let mut frame = Frame::new();
        frame.vectors = std::array::from_fn(|_| std::array::from_fn(|_| self.word()));
        frame.memory = std::array::from_fn(|_| self.word());
        frame.general = std::array::from_fn(|_| match self.next() % 4 {
            0 => self.next() % 3,
            1 => self.next() % 2048,
            _ => self.next(),
        });
        frame.flags = 2 | self.next() & (ZERO | CARRY | OVERFLOW);
        frame.mask = self.next();
        frame
    }
}

/// What tells one form from another: the code, immediates, masks, and which register operands are the same.
fn form(i: &Instruction) -> String {
    let operands: Vec<String> = (0..i.op_count())
        .map(|n| match i.op_kind(n) {
            OpKind::Register => {
                let register = i.op_register(n);
                let first = (0..n)
                    .find(|&m| i.op_kind(m) == OpKind::Register && i.op_register(m) == register);
                first.map_or("other".to_owned(), |first| format!("same as {first}"))
            }
            OpKind::Memory => "memory".to_owned(),
            _ => format!("{:#x}", i.try_immediate(n).unwrap_or_default()),
        })
        .collect();
    format!("{:?} {} {:?}", i.code(), operands.join(", "), i.op_mask())
}

/// The machine's state for a frame.
fn state(frame: &Frame, instruction: &Instruction) -> State {
    let mut memory =
        Area::new("memory", 64, 64, Access::Scratch).with_words(frame.memory.map(Word::constant));
    let is_general = (0..instruction.op_count()).any(|n| {
        instruction.op_kind(n) == OpKind::Register
            && (instruction.op_register(n).is_gpr64() || instruction.op_register(n).is_gpr32())
    });
    let loads = instruction.op0_kind() != OpKind::Memory;
    if is_general && loads {
        let size = instruction.memory_size().size();
        let value = if size == 4 { frame.memory[0] as u32 as u64 } else { frame.memory[0] as u64 };
        memory.fields.insert(0, (size, Value::Number(value)));
    }
    let mut general = std::array::from_fn(Value::Caller);
    for n in GENERAL {
        general[n] = Value::Number(frame.general[n]);
    }
    general[MEMORY as usize - Register::RAX as usize] = Value::Pointer(AreaId(0), 0);
    let mut masks = [None; 8];
    masks[1] = Some(frame.mask);
    State {
        general,
        vectors: frame.vectors.iter().map(|lanes| lanes.map(Word::constant)).collect(),
        masks,
        zero: Some(frame.flags & ZERO != 0),
        carry: Some(frame.flags & CARRY != 0),
        areas: vec![memory],
        ip: 0,
    }
}

/// Whether the CPU left in `frame` what the machine left in `state`.
fn compare(trial: &Trial, frame: &Frame, state: &State) -> Result<(), String> {
    let (registers, lanes) = trial.vectors();
    for n in 0..registers {
        for lane in 0..lanes {
            if state.vectors[n][lane].known() != Some(frame.vectors[n][lane]) {
                return Err(format!("vector register {n}, lane {lane}"));
            }
        }
    }
    for n in GENERAL {
        if state.general[n] != Value::Number(frame.general[n]) {
            return Err(format!("register {n}: {:?}, {:#x}", state.general[n], frame.general[n]));
        }
    }
    for (number, value) in (0..).zip(frame.memory) {
        if state.areas[0].words[&number].known() != Some(value) {
            return Err(format!("memory at {}", 16 * number));
        }
    }
    for (flag, bit) in [(state.zero, ZERO), (state.carry, CARRY)] {
        if flag.is_some_and(|flag| flag != (frame.flags & bit != 0)) {
            return Err(format!("flag {bit:#x}"));
        }
    }
    let mask = if lanes == 4 { frame.mask } else { state.masks[1].unwrap_or_default() };
    if state.masks[1] != Some(mask) {
        return Err("k1".to_owned());
    }
    Ok(())
}

/// A branch as the instruction that writes its condition into al.
fn setter(condition: ConditionCode) -> Instruction {
    let code = match condition {
        ConditionCode::e => Code::Sete_rm8,
        ConditionCode::ne => Code::Setne_rm8,
        ConditionCode::b => Code::Setb_rm8,
        ConditionCode::ae => Code::Setae_rm8,
        ConditionCode::a => Code::Seta_rm8,
        ConditionCode::be => Code::Setbe_rm8,
        other => panic!("{other:?} is not modelled"),
    };
    Instruction::with1(code, Register::AL).expect("an instruction")
}

#[test]
fn the_machine_does_what_the_cpu_does() {
    let mut forms = BTreeMap::new();
    for kernel in linked().into_iter().filter(|kernel| !kernel.file.ends_with("_mulx")) {
        let program = Program::decode(&kernel.bytes, kernel.address).expect("instructions");
        for instruction in program.instructions {
            forms.entry(form(&instruction)).or_insert(instruction);
        }
    }
    let (mut random, mut context) = (Random(1), Context::default());
    let (mut tried, mut skipped) = (0, BTreeSet::new());
    for (form, instruction) in &forms {
        let flow = instruction.flow_control();
        let of_branch = flow == FlowControl::ConditionalBranch;
        let on_cpu = match flow {
            FlowControl::Next => redirected(*instruction),
            FlowControl::ConditionalBranch => setter(instruction.condition_code()),
            _ => continue, // where a jump and a return go is no matter of states
        };
        // A hint does nothing that a frame could show.
        if instruction.mnemonic() == Mnemonic::Prefetcht0 {
            continue;
        }
        let needs: Vec<_> = features(instruction).into_iter().collect();
        let Some(trial) = Trial::new(on_cpu, &needs).expect("it can be encoded again") else {
            skipped.insert(format!("{form} (needs {})", needs.join(", ")));
            continue;
        };
        tried += 1;
        for n in 0..STATES {
            let mut frame = random.frame();
            let on_machine = if of_branch { *instruction } else { on_cpu };
            let mut state = state(&frame, &on_machine);
            if instruction.mnemonic() == Mnemonic::Vpsllvq
                || instruction.mnemonic() == Mnemonic::Vpsrlvq
            {
                // Counts below and above 64.
                let counts =
                    instruction.op2_register().full_register() as usize - Register::ZMM0 as usize;
                frame.vectors[counts] =
                    std::array::from_fn(|_| random.word() & (0x7f << 64 | 0x7f));
                state.vectors[counts] = frame.vectors[counts].map(Word::constant);
            }
            run(&mut state, on_machine, &mut context)
                .unwrap_or_else(|why| panic!("{form}, state {n}: {why}"));
            trial.run(&mut frame);
            if of_branch {
                let taken = state.ip == instruction.near_branch_target();
                assert_eq!(frame.general[0] as u8 == 1, taken, "{form}, state {n}");
                continue;
            }
            compare(&trial, &frame, &state)
                .unwrap_or_else(|what| panic!("{form}, state {n}: {what} differs"));
        }
    }
    let mut said = format!("co-simulation: {tried} forms of instructions, {STATES} states each\n");
    for form in &skipped {
        said += &format!("co-simulation SKIPPED {form}\n");
    }
    // Past the test runner, which shows only what failed.
    std::io::stderr().write_all(said.as_bytes()).unwrap();
    assert!(tried > 20, "the kernels have forms that every x86-64 CPU runs");
}

/// The same with general registers that a frame has. What is in rdx stays there, since some instructions multiply by it.
fn renamed(mut instruction: Instruction) -> Instruction {
    let mut names = vec![(Register::RDX, Register::RDX)];
    for n in 0..instruction.op_count() {
        let register = instruction.op_register(n);
        if !register.is_gpr() {
            continue;
        }
        let full = register.full_register();
        let name = match names.iter().find(|(old, _)| *old == full) {
            Some((_, name)) => *name,
            None => {
                let name = [Register::RAX, Register::RCX, Register::R8][names.len() - 1];
                names.push((full, name));
                name
            }
        };
        let name = if register.is_gpr32() { name.full_register32() } else { name };
        instruction.set_op_register(n, name);
    }
    instruction
}

/// The machine of integers in a frame's state.
fn integers(frame: &Frame) -> integers::State {
    let words = frame.memory.iter().flat_map(|word| [*word as u64, (*word >> 64) as u64]);
    let words = words.map(|word| Some(integers::Value::number(word))).collect();
    let memory = integers::Area::new("memory", integers::Access::WriteOnce, words);
    let mut state = integers::State::new(vec![memory], Default::default());
    for n in GENERAL {
        state.general[n] = integers::Value::number(frame.general[n]);
    }
    state.general[MEMORY as usize - Register::RAX as usize] = integers::Value::Pointer(0, 0);
    state.carry = integers::Flag::known(frame.flags & CARRY != 0);
    state.overflow = integers::Flag::known(frame.flags & OVERFLOW != 0);
    state
}

fn word(value: &integers::Value) -> Option<u64> {
    match value {
        integers::Value::Integer(form, _) => form.known()?.to_u64(),
        _ => None,
    }
}

#[test]
fn the_machine_of_integers_does_what_the_cpu_does() {
    let mut forms = BTreeMap::new();
    for kernel in linked().into_iter().filter(|kernel| kernel.file.ends_with("_mulx")) {
        let program = Program::decode(&kernel.bytes, kernel.address).expect("instructions");
        for instruction in program.instructions {
            let instruction = renamed(instruction);
            // What is pushed and popped is compared by the tests that call whole kernels.
            if !matches!(instruction.mnemonic(), Mnemonic::Push | Mnemonic::Pop | Mnemonic::Ret) {
                let is_rdx = instruction.op0_register().full_register() == Register::RDX;
                forms.entry((form(&instruction), is_rdx)).or_insert(instruction);
            }
        }
    }
    let (mut random, mut tried, mut said) = (Random(2), 0, String::new());
    for ((form, _), instruction) in &forms {
        let needs: Vec<_> = features(instruction).into_iter().collect();
        let on_cpu = redirected(*instruction);
        let Some(trial) = Trial::new(on_cpu, &needs).expect("it can be encoded again") else {
            said += &format!("co-simulation SKIPPED {form} (needs {})\n", needs.join(", "));
            continue;
        };
        tried += 1;
        for n in 0..STATES {
            let mut frame = random.frame();
            let mut state = integers(&frame);
            integers::run_one(&mut state, on_cpu)
                .unwrap_or_else(|why| panic!("{form}, state {n}: {why}"));
            trial.run(&mut frame);
            for n in GENERAL {
                assert_eq!(word(&state.general[n]), Some(frame.general[n]), "{form}: register {n}");
            }
            let memory = frame.memory.iter().flat_map(|word| [*word as u64, (*word >> 64) as u64]);
            for (value, wanted) in state.areas[0].words.iter().zip(memory) {
                assert_eq!(value.as_ref().and_then(word), Some(wanted), "{form}: memory");
            }
            for (flag, bit) in [(&state.carry, CARRY), (&state.overflow, OVERFLOW)] {
                if let Some(flag) = flag.value() {
                    assert_eq!(flag, frame.flags & bit != 0, "{form}: flag {bit:#x}");
                }
            }
        }
    }
    said += &format!("co-simulation: {tried} forms of integers' instructions\n");
    std::io::stderr().write_all(said.as_bytes()).unwrap();
    assert_eq!(tried == 0, !sevcrypt_proof::cpu::has("adx"), "kernels have forms");
}
