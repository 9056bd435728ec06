;;; promo-ts-mode.el --- promo specs in Emacs 29 or newer  -*- lexical-binding: t -*-

;;; Commentary:

;; Colours, indentation and an index of declarations from the tree-sitter grammar that lies beside this folder, whose
;; compiled parser Emacs looks for as libtree-sitter-promo; and the language server for eglot.

;;; Code:

(require 'treesit)

(defvar promo-ts-queries
  (expand-file-name "../tree-sitter-promo/queries/" (file-name-directory (or load-file-name buffer-file-name)))
  "Folder of the grammar's highlights.scm.")

(defconst promo-ts-faces
  '(("type.definition" . font-lock-type-face)
    ("constant.builtin" . font-lock-builtin-face)
    ("constant.numeric" . font-lock-number-face)
    ("constant" . font-lock-constant-face)
    ("variable.member" . font-lock-property-name-face)
    ("string" . font-lock-string-face)
    ("keyword.modifier" . font-lock-preprocessor-face)
    ("keyword" . font-lock-keyword-face)
    ("punctuation.bracket" . font-lock-bracket-face)
    ("punctuation.delimiter" . font-lock-delimiter-face)
    ("operator" . font-lock-operator-face))
  "What highlights.scm calls a colour, and the face that has it; of two that begin alike the longer one first.")

(defun promo-ts--colours ()
  "The query highlights.scm with faces for the names of its colours, and without comments."
  (with-temp-buffer
    (insert-file-contents (expand-file-name "highlights.scm" promo-ts-queries))
    (flush-lines "^;\\|(comment)" (point-min) (point-max))
    (pcase-dolist (`(,colour . ,face) promo-ts-faces)
      (goto-char (point-min))
      (while (search-forward (concat "@" colour) nil t)
        (replace-match (format "@%s" face) t t)))
    (buffer-string)))

(defun promo-ts--comment (node override start end &rest _)
  "Colour the comment NODE, between START and END, by OVERRIDE; one with ## documents a declaration."
  (let ((face (if (string-prefix-p "##" (treesit-node-text node)) 'font-lock-doc-face 'font-lock-comment-face)))
    (treesit-fontify-with-override (treesit-node-start node) (treesit-node-end node) face override start end)))

;;;###autoload
(define-derived-mode promo-ts-mode prog-mode "promo"
  "Major mode for specs in the promo language."
  (setq-local comment-start "# " comment-end "" comment-start-skip "#+ *" indent-tabs-mode nil)
  (when (treesit-ready-p 'promo)
    (treesit-parser-create 'promo)
    (setq-local
     treesit-font-lock-feature-list '((comment word))
     treesit-font-lock-settings
     (treesit-font-lock-rules :language 'promo :feature 'word (promo-ts--colours)
                              :language 'promo :feature 'comment '((comment) @promo-ts--comment))
     treesit-simple-indent-rules
     '((promo ((node-is "[]})]") parent-bol 0) ((parent-is "\\`start\\'") column-0 0) (catch-all parent-bol 2)))
     treesit-simple-imenu-settings
     '((nil "\\`declared\\'" nil (lambda (node) (treesit-node-text node t)))))
    (treesit-major-mode-setup)))

;;;###autoload
(add-to-list 'auto-mode-alist '("\\.promo\\'" . promo-ts-mode))

(with-eval-after-load 'eglot
  (add-to-list 'eglot-server-programs '(promo-ts-mode "promo" "lsp")))

(provide 'promo-ts-mode)
;;; promo-ts-mode.el ends here
