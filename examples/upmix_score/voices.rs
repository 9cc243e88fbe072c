//! Voices, by espeak-ng.

use std::process::Command;

use crate::signal::{Noise, RATE, read_wav, resample};

/// What is said, and the language it is in.
#[derive(Debug, Clone, Copy)]
pub enum Text {
    Fox,
    Shells,
    Fuchs,
    Renard,
    Spanish,
    Italian,
    Polish,
    Swedish,
    Dutch,
    Portuguese,
    Scottish,
    Finnish,
    Czech,
}

impl Text {
    fn words(self) -> &'static str {
        match self {
            Text::Fox => {
                "The quick brown fox jumps over the lazy dog, while seven wizards quietly mix a very strange potion in \
                 the kitchen. Nobody expected the storm to reach the harbor before noon, yet here it is."
            }
            Text::Shells => {
                "She sells sea shells by the sea shore. A single voice in the middle of the room should stay there, \
                 whatever plays on either side of it, and it should sound like itself."
            }
            Text::Fuchs => {
                "Der schnelle braune Fuchs springt über den faulen Hund, und im Hafen warten die Schiffe auf den Wind. \
                 Niemand hat den Sturm erwartet, aber nun ist er da."
            }
            Text::Renard => {
                "Le renard brun saute par dessus le chien paresseux, et dans le port les bateaux attendent le vent. \
                 Personne n'attendait la tempête avant midi."
            }
            Text::Spanish => {
                "Cada mañana el panadero abre la puerta y deja salir el olor del pan. Los niños corren por la plaza, y \
                 una guitarra suena en algún balcón."
            }
            Text::Italian => {
                "La strada sale piano tra gli ulivi, e dall'alto si vede il mare. Qualcuno canta sotto voce, e il vento \
                 porta via la fine della canzone."
            }
            Text::Polish => {
                "Wieczorem na rynku gra orkiestra, a dzieci karmią gołębie. Nikt nie pamięta, kto pierwszy zaczął \
                 śpiewać, ale wszyscy znają słowa."
            }
            Text::Swedish => {
                "Snön faller tyst över sjön, och i stugan brinner en lampa. Någon läser högt ur en gammal bok, medan \
                 kaffet långsamt kallnar."
            }
            Text::Dutch => {
                "Achter de dijk ligt het dorp te slapen. De molenaar telt de schepen die voorbijgaan, en schrijft hun \
                 namen in een klein groen boekje."
            }
            Text::Portuguese => {
                "O barco volta devagar para o porto, cheio de peixe e de histórias. Na praia alguém toca violão, e as \
                 ondas marcam o compasso."
            }
            Text::Scottish => {
                "The train leaves the glen at half past four, and the rain has not stopped since Thursday. Bring a warm \
                 coat, a flask of tea and something good to read."
            }
            Text::Finnish => {
                "Metsän reunassa on vanha sauna, ja järven yli kuuluu käki. Kesäyö on niin valoisa, ettei kukaan muista \
                 mennä nukkumaan."
            }
            Text::Czech => {
                "Na mostě stojí starý houslista a čeká na první tramvaj. Když zazní zvon, schová smyčec do pouzdra a \
                 usměje se na kolemjdoucí."
            }
        }
    }
}

/// `text` by the espeak-ng voice `voice`, repeated to the length. Without espeak-ng: a buzz with moving formants.
pub fn speak(voice: &str, text: Text, frames: usize) -> Vec<f32> {
    let path = std::env::temp_dir().join(format!("upmix-score-voice-{}.wav", std::process::id()));
    let spoken = Command::new("espeak-ng").args(["-v", voice, "-w"]).arg(&path).arg(text.words()).status();
    let (channels, rate) =
        if spoken.is_ok_and(|status| status.success()) { read_wav(&path) } else { (Vec::new(), RATE) };
    std::fs::remove_file(&path).ok();
    match channels.first() {
        Some(samples) if !samples.is_empty() => resample(samples, rate).iter().copied().cycle().take(frames).collect(),
        _ => {
            eprintln!("espeak-ng is missing: a synthetic buzz stands in for voice {voice}");
            buzz(frames, text as u64 + 20)
        }
    }
}

fn buzz(frames: usize, seed: u64) -> Vec<f32> {
    let mut noise = Noise::new(seed);
    let (mut phase, mut pitch, mut low) = (0.0, 120.0, [0.0; 2]);
    (0..frames)
        .map(|n| {
            if n % 9_600 == 0 {
                pitch = 110.0 + 30.0 * noise.next();
            }
            phase = (phase + pitch / RATE as f32) % 1.0;
            let formant = 500.0 + 400.0 * (n as f32 / 7_000.0).sin();
            low[0] += (2.0 * phase - 1.0 - low[0]) * formant / RATE as f32 * 6.0;
            low[1] += (low[0] - low[1]) * 0.3;
            low[1] * (0.5 + 0.5 * (n as f32 / 11_000.0).sin()).powi(2)
        })
        .collect()
}
