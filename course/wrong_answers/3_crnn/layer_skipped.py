"""Uses the audio branch for both pictures: the other one is there, is counted, and never learns."""
# loses: forward

# %% solve=forward
class Network(Layers):
    def forward(self, image, roll):
        audio, midi = (
            self.audio_branch((image - self.mean) / self.deviation),
            self.midi_branch(roll),
        )
        features, _ = self.recurrent(torch.cat([audio, self.audio_branch(roll)], dim=-1))
        return self.output(self.dropout(features))
