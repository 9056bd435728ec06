autocmd BufRead,BufNewFile *.promo setfiletype promo
